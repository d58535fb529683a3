"""A shop to try HotDash with: people, an agent, and what they propose."""
