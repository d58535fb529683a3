"""A stand-in for Chatwoot with a small shop's inbox, as a process of its own.

It counts calls in windows that are aligned to the epoch, as Chatwoot does.
"""
