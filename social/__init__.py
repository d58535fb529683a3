"""Posts, their approval and their publication."""
