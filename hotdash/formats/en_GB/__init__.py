"""British English with 24-hour times."""
