"""A stand-in for Publer's API v1, as a process of its own, with a feed of what the public would see.

It answers as Publer's documents say, keeps its posts in one SQLite file, and can be told to misbehave
(`faults`). It uses nothing of the rest of the project: what it says about a client is a second opinion.
"""
