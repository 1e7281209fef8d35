from __future__ import annotations

from sqlalchemy import Engine

from runtime import outbox
from runtime.outbox import OutboxMessage


def message(number: int) -> OutboxMessage:
    return OutboxMessage(f"con_{number}:1", f"alloc.nod_1.con_{number}", b"x")


def test_a_message_waits_until_it_is_marked(database: Engine) -> None:
    with database.begin() as connection:
        outbox.put(connection, [message(1), message(2)])
    with database.begin() as connection:
        assert [waiting.id for waiting in outbox.unpublished(connection, 10)] == ["con_1:1", "con_2:1"]
        outbox.mark_published(connection, ["con_1:1"])
    with database.begin() as connection:
        assert outbox.unpublished(connection, 10) == [message(2)]


def test_a_message_of_a_transaction_that_fails_was_never_there(database: Engine) -> None:
    connection = database.connect()
    outbox.put(connection, [message(1)])
    connection.rollback()
    assert outbox.unpublished(connection, 10) == []
    connection.close()


def test_a_transaction_that_commits_late_is_not_passed_over(database: Engine) -> None:
    early, late = database.connect(), database.connect()
    outbox.put(early, [message(1)])
    outbox.put(late, [message(2)])
    late.commit()
    with database.begin() as connection:
        outbox.mark_published(connection, [waiting.id for waiting in outbox.unpublished(connection, 10)])
    early.commit()
    with database.begin() as connection:
        assert outbox.unpublished(connection, 10) == [message(1)]
    early.close()
    late.close()


def test_the_same_id_is_put_once(database: Engine) -> None:
    with database.begin() as connection:
        outbox.put(connection, [message(1)])
        outbox.put(connection, [message(1)])
        assert len(outbox.unpublished(connection, 10)) == 1
