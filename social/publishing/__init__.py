"""The engine, in the order in which a post passes: outbox, batching, submission, polling, reconciliation."""
