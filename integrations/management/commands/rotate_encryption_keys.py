from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.credentials import Credential
from integrations.encryption import Undecipherable, decrypt, encrypt


class Command(BaseCommand):
    help = (
        "Encrypt everything that is stored under the newest of FIELD_ENCRYPTION_KEYS; afterwards the older "
        "keys can be taken away. May run while HotDash works."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done, lost = 0, 0
        for row in Credential.objects.select_related("connection"):
            try:
                again = _again(row)
            except Undecipherable:
                lost += 1
                self.stderr.write(f"{row}: none of the keys opens it; connect it again.")
                continue
            # Renewed meanwhile, it is under the newest key already.
            done += Credential.objects.filter(pk=row.pk, secret=row.secret, renewal=row.renewal).update(
                **again
            )
        self.stdout.write(f"{done} credential{'' if done == 1 else 's'} encrypted under the newest key.")
        if lost:
            raise CommandError("Keep the older keys until everything above is connected again.")


def _again(row: Credential) -> dict[str, str]:
    texts = {"secret": row.secret, "renewal": row.renewal}
    return {name: encrypt(decrypt(text)) if text else "" for name, text in texts.items()}
