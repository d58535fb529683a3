"""The site-wide screens: people, groups, and Beat's schedule."""

from hotdash import people, schedule

__all__ = ["people", "schedule"]
