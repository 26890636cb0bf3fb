"""What an error of a database means for a unit of work: one table for all three databases.

An error that is not in it is a defect of the program, and goes on as it is.
"""

from enum import Enum, auto

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError


class Failure(Enum):
    DUPLICATE = auto()  # a unique key shows that another one was first: the unit may find its row
    CONFLICT = auto()  # with another transaction: the whole unit may succeed when it is run again
    UNREACHABLE = auto()  # no connection, or none any more: again, on another one
    TOO_SLOW = auto()  # a statement was ended because of its time; again it would take as long
    READ_ONLY = auto()  # the server takes no changes, as after a failover: another one may
    NO_QUORUM = auto()  # a node of Galera that has lost the others: another one may serve
    EXHAUSTED = auto()  # no space, memory, threads or open files are left
    IO_ERROR = auto()  # a file could not be read or written
    OTHER = auto()


_MYSQL = {
    **dict.fromkeys(
        (
            1020,  # record has changed since last read (MariaDB >= 11.8)
            1205,  # lock wait timeout
            1213,  # deadlock; on Galera also a conflict with another node
            3101,  # group replication has rolled the transaction back
        ),
        Failure.CONFLICT,
    ),
    **dict.fromkeys(
        (
            1040,  # too many connections
            *(1044, 1045, 1049),  # access denied, or no such database: while accounts change
            1053,  # the server is being stopped
            *(1129, 1130),  # this host is blocked, or not allowed
            *(1158, 1159, 1160, 1161),  # network errors
            *(1203, 1226),  # the connections of this account
            1927,  # the connection was killed
        ),
        Failure.UNREACHABLE,
    ),
    **dict.fromkeys(
        (
            1317,  # interrupted, as by KILL QUERY
            1969,  # max_statement_time of MariaDB
            3024,  # max_execution_time of MySQL
        ),
        Failure.TOO_SLOW,
    ),
    # --read-only, a read-only transaction, read-only mode
    **dict.fromkeys((1290, 1792, 1836), Failure.READ_ONLY),
    1047: Failure.NO_QUORUM,  # or not in step yet
    # disk full, table full; memory; threads
    **dict.fromkeys((1021, 1114, 1037, 1038, 1041, 1135), Failure.EXHAUSTED),
    # EE_WRITE, error on write, error of the storage engine
    **dict.fromkeys((3, 1026, 1030), Failure.IO_ERROR),
}
_SQLITE = {
    "database is locked": Failure.CONFLICT,
    "attempt to write a readonly database": Failure.READ_ONLY,
    "database or disk is full": Failure.EXHAUSTED,
    "unable to open database file": Failure.EXHAUSTED,  # there are no open files left
    "disk I/O error": Failure.IO_ERROR,
}


# The server cannot take changes, and takes them again only when somebody mends it.
REFUSALS = (Failure.READ_ONLY, Failure.NO_QUORUM, Failure.EXHAUSTED, Failure.IO_ERROR)
# Whether a COMMIT happened that failed with one of these is not known. All others roll back.
IN_DOUBT = (Failure.UNREACHABLE, Failure.TOO_SLOW, Failure.NO_QUORUM, Failure.IO_ERROR)


def classify(error: DBAPIError) -> Failure:
    reason = error.orig.args[0] if error.orig is not None and error.orig.args else None
    if isinstance(error, IntegrityError):
        return Failure.DUPLICATE
    failure = _MYSQL.get(reason) if isinstance(reason, int) else _SQLITE.get(str(reason))
    if failure is not None:
        return failure
    if error.connection_invalidated or _is_client_error(error, reason):
        return Failure.UNREACHABLE
    return Failure.OTHER


def _is_client_error(error: DBAPIError, reason: object) -> bool:
    """MySQL's client library has the numbers 2000 to 2999."""
    return (
        isinstance(error, OperationalError | InterfaceError)
        and isinstance(reason, int)
        and 2000 <= reason < 3000
    )
