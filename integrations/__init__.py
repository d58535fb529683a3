"""Everything that talks to somebody else's server; knows nothing of posts or approvals."""
