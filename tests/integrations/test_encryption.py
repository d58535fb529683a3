"""Credentials at rest."""

import pytest
from django.test import override_settings

from integrations.encryption import Undecipherable, decrypt, encrypt


def test_what_was_encrypted_comes_back_and_does_not_show() -> None:
    stored = encrypt("shpat_plantedToken")
    assert "planted" not in stored
    assert decrypt(stored) == "shpat_plantedToken"


def test_the_newest_key_encrypts_and_the_older_ones_still_open() -> None:
    with override_settings(FIELD_ENCRYPTION_KEYS=["first"]):
        old = encrypt("words")
    with override_settings(FIELD_ENCRYPTION_KEYS=["second", " first "]):
        assert decrypt(old) == "words"
        new = encrypt("words")
    with override_settings(FIELD_ENCRYPTION_KEYS=["second"]):
        assert decrypt(new) == "words"
        with pytest.raises(Undecipherable):
            decrypt(old)


@pytest.mark.parametrize("stored", ["", "words", "gAAAAAB"])
def test_what_nobody_encrypted_is_not_opened(stored: str) -> None:
    with pytest.raises(Undecipherable):
        decrypt(stored)
