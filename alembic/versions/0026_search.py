"""What messages are found by: their terms, and an index of these.

The index is SQLite's full-text index, or a table of terms on MySQL and MariaDB. A program of the
step before does not look at any of it; what it writes is read from the logs of the rooms.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import mysql

revision: str = "0026"
down_revision: str | Sequence[str] | None = "0025"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.BINARY(16)
TERM = mysql.VARCHAR(84, charset="ascii", collation="ascii_bin")
TERMS = sa.Text().with_variant(
    mysql.MEDIUMTEXT(charset="ascii", collation="ascii_bin"), "mysql", "mariadb"
)
DOC = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INNODB = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",
}


def is_sqlite() -> bool:
    return context.get_context().dialect.name == "sqlite"


def upgrade() -> None:
    op.create_table(
        "search_documents",
        sa.Column("doc", DOC, autoincrement=False, nullable=False),
        sa.Column("room_id", ID, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("terms", TERMS, nullable=False),
        sa.PrimaryKeyConstraint("doc", name=op.f("pk_search_documents")),
        sa.UniqueConstraint("room_id", "seq", name=op.f("uq_search_documents_room_id_seq")),
        if_not_exists=True,
        **INNODB,
    )
    if is_sqlite():
        op.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS search_index USING fts5(terms, content='', "
            "tokenize='ascii', detail='none', columnsize=0)"
        )
        return
    op.create_table(
        "search_index_terms",
        sa.Column("term", TERM, nullable=False),
        sa.Column("doc", sa.BigInteger, nullable=False),
        sa.Column("tag", mysql.INTEGER(unsigned=True), nullable=False),
        sa.PrimaryKeyConstraint("term", "doc", name=op.f("pk_search_index_terms")),
        if_not_exists=True,
        **INNODB,
    )


def downgrade() -> None:
    op.drop_table("search_index" if is_sqlite() else "search_index_terms", if_exists=True)
    op.drop_table("search_documents", if_exists=True)
