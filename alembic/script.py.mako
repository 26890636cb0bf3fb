"""${message}.

MySQL and MariaDB commit every DDL statement at once: a migration that is interrupted there stays
half done. So every step has to bear being run again (`if_not_exists`, `if_exists`), or the
migration has to be one statement. Write down here what the types are now, with the types of
SQLAlchemy alone: the code of the application will change, this file must not.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision: str = ${repr(up_revision).replace("'", '"')}
down_revision: str | Sequence[str] | None = ${repr(down_revision).replace("'", '"')}
branch_labels: str | Sequence[str] | None = ${repr(branch_labels)}
depends_on: str | Sequence[str] | None = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
