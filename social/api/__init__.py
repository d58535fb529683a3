"""REST: programs and signed-in staff propose and read posts. Nothing here approves."""
