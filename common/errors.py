"""The errors that a caller can act on, each with a stable code.

NestexError
├── InvalidInput      the request itself is wrong: a field and the limit that it broke
├── Unauthenticated   no key, or one that is unknown, revoked or expired
├── Forbidden         the key is good but may not do this
├── NotFound          no such thing, or it belongs to somebody else
├── Conflict          the thing exists in a state, or with a content, that does not allow this
├── Refused           the request is well formed; a rule of the market says no
├── Busy              not now; the same again a moment later
└── Unavailable       nobody could answer; whether it took effect is unknown until asked again

`market.http.problems` maps these classes to HTTP statuses, in one place. Codes come from the closed list below, so that
a program can rely on them; a code that is not listed is a programming error.
"""

from __future__ import annotations

ERROR_CODES: dict[str, str] = {
    # InvalidInput
    "invalid_field": "A field has a value that its type or its limits do not allow.",
    "missing_field": "A field that this call needs is absent.",
    "unknown_field": "The request carries a field that this call does not know.",
    "malformed_body": "The body is not the JSON object that this call expects.",
    "body_too_large": "The body is larger than this call accepts.",
    "body_too_deep": "The body's values lie inside each other too deeply.",
    "duplicate_field": "An object of the body names a field twice.",
    "unsupported_media_type": "A body comes as Content-Type: application/json.",
    "method_not_allowed": "The address exists; it does not take this HTTP method.",
    "malformed_cursor": "The cursor does not come from an earlier page of this list.",
    "off_grid": "An instant on the market's grid must be a whole UTC minute.",
    "off_tick": "The price is not a whole number of the instrument's ticks.",
    "price_out_of_bounds": "The price is outside the instrument's price limits.",
    "window_too_short": "The duration is below the shortest that the instrument trades.",
    "window_too_long": "The duration is above the longest that the instrument trades.",
    "window_beyond_horizon": "The window ends further ahead than the instrument trades.",
    "window_empty": "The window ends before it starts, or is too small for the duration asked.",
    "amount_too_large": "The order's value is larger than the ledger can hold.",
    "tax_number_invalid": "The tax number fails its country's checksum or format.",
    "iban_invalid": "The bank account number (IBAN) fails its checksum or format.",
    "image_invalid": "The image, its name or what it is to be built from is not what it has to be.",
    "message_malformed": "A message on the bus does not follow the wire schema.",
    "idempotency_key_reused": "This Idempotency-Key was used for another request.",
    # Unauthenticated, Forbidden
    "key_missing": "The call needs an API key: Authorization: Bearer <key>.",
    "key_invalid": "The API key is unknown, revoked or expired.",
    "scope_missing": "The API key does not carry the scope that this call needs.",
    "enrolment_invalid": "The enrolment token is unknown, used or expired.",
    # NotFound
    "not_found": "There is no such thing, or it is not yours to see.",
    # Conflict
    "already_exists": "Something with this name or number exists already.",
    "duplicate_order": "An order with this id was entered before.",
    "client_order_id_reused": "This client_order_id was used for an order with another content.",
    "state_forbids": "The thing is in a state that does not allow this change.",
    "revision_mismatch": "The order, or what is wanted of the guest or volume, has been changed since it was read.",
    "would_trade": "The order or its instrument is post-only, and at this price it would trade at once.",
    "transfer_conflict": "A ledger transfer with this key exists with another content.",
    "answer_lost": "A call with this Idempotency-Key took effect, and its answer is lost.",
    # Refused
    "insufficient_funds": "Available cash does not cover what this would reserve or take.",
    "insufficient_capacity": "The node does not have this capacity free at every minute of the window.",
    "beyond_reservation": "The window ends after the node's own reservation does.",
    "too_many_open_orders": "The participant has as many open orders in the zone as one may have.",
    "not_a_provider": "Offers need a provider: company, tax number, bank account and address come first.",
    "not_your_side": "Only the other side of the contract can do this.",
    "not_reclaimable": "A firm contract binds its provider to its end; only spot contracts can be reclaimed.",
    "node_not_ready": "The node is not online: no agent has enrolled, or its heartbeats are missing.",
    "agent_outdated": "The node's agent speaks an older version of the protocol than this needs: upgrade it.",
    "not_an_e_invoice": "The document says something that the European standard for e-invoices has no form for.",
    "not_a_sepa_payment": "There is nothing that a SEPA credit transfer could pay: no IBAN, no euros, or no payouts.",
    "iban_missing": "A payment needs a bank account: an IBAN, given with the call or in the legal identity.",
    "disputes_open": "Minutes of the period are disputed; an operator has to decide first.",
    "image_unusable": "The node's image pool lacks this image, or holds a broken or another one.",
    "hypervisor_lacks": "The node's hypervisor cannot do this.",
    "not_on_offer": "The guest's node has no such slices on offer until the contract's end, at this price.",
    "beyond_the_slices": "The guest or volume would have more than the contract's slices bought.",
    "wrong_kind": "The contract is for a volume where this is about a guest, or the other way round.",
    "another_node": "A volume is attached to guests of its own node only.",
    "too_many_devices": "The guest has as many of these as one may have.",
    "market_running": "The database is in use; the market has to be stopped first.",
    "database_not_empty": "The database holds something already, and was not told to be replaced.",
    "backup_unusable": "This is no backup, it is damaged, or it was made by a newer version.",
    "period_not_over": "The period has minutes that have not passed yet, or is within its grace time.",
    # Busy
    "reader_too_slow": "The stream was cut off because its messages were not taken.",
    "too_many_streams": "As many streams, or channels of a stream, are open as there may be.",
    "too_many_requests": "This API key has made as many requests as it may for now.",
    "idempotency_key_in_use": "A call with this Idempotency-Key is still running.",
    # Unavailable
    "engine_unavailable": "The matching engine did not answer; ask again with the same client_order_id.",
    "database_unavailable": "The database did not answer.",
    "bus_unavailable": "The message bus did not answer.",
    "market_unreachable": "The market's HTTP interface did not answer.",
    "node_unavailable": "The node's agent did not answer; its guests go on.",
    "storage_failed": "The agent's own file cannot be written: its disk is full, or broken.",
    "hypervisor_failed": "The hypervisor refused or failed a call.",
    "out_of_memory": "The node has no memory left for the guest.",
    "internal_error": "A fault of ours; it has been logged.",
    "stack_failed": "A part of the embedded stack did not start.",
}


class NestexError(Exception):
    """An error with a stable `code`, a sentence for people, and where it applies the `field` and the `limit` it
    broke."""

    def __init__(self, code: str, message: str, *, field: str | None = None, limit: str | int | None = None) -> None:
        if code not in ERROR_CODES:
            raise AssertionError(f"error code {code!r} is not in the closed list")
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.limit = limit


class InvalidInput(NestexError):
    """The request itself is wrong."""


class Unauthenticated(NestexError):
    """Nobody knows who is calling."""


class Forbidden(NestexError):
    """The caller is known, and may not."""


class NotFound(NestexError):
    """No such thing for this caller."""


class Conflict(NestexError):
    """The thing's state or content does not allow this."""


class Refused(NestexError):
    """A rule of the market says no."""


class Busy(NestexError):
    """Not now: the same again is worth a try after so many real seconds."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after_seconds: int = 1,
        field: str | None = None,
        limit: str | int | None = None,
    ) -> None:
        super().__init__(code, message, field=field, limit=limit)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(NestexError):
    """No answer; the outcome is unknown."""
