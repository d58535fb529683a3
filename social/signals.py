"""Signals between floors: those below say what happened, those above listen."""

from django.dispatch import Signal

work_to_do = Signal()
"""Something was queued, freed or recalled: look now. Sent inside the transaction that did it."""
