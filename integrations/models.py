"""The models of this app, one idea a file."""

from integrations.connections import Connection
from integrations.credentials import Credential
from integrations.notices import Notice

__all__ = ["Connection", "Credential", "Notice"]
