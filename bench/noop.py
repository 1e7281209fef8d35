"""The floor of any route in this framework: a request of the same model in, an answer of the same model out, nothing
between. Served as the market is: `python -m bench.noop PORT`."""

from __future__ import annotations

import asyncio
import sys

import uvicorn
from fastapi import FastAPI
from uvicorn.loops.auto import auto_loop_factory

from market.http.order_answers import Order
from market.http.order_requests import OrderRequest

_ANSWER = Order(
    id="ord_01j00000000000000000000000",
    client_order_id=None,
    side="bid",
    instrument="fra1.std.firm",
    price="0.006000",
    time_in_force="gtc",
    post_only=False,
    self_trade_prevention="cancel_taker",
    replace_on_failure=False,
    state="new",
    reason=None,
    explanation=None,
    revision=1,
    reserved="0.142800",
    entered_at="2026-01-01T00:00:00Z",
    guests=1,
    guests_filled=0,
    slices_per_guest=1,
    duration_minutes=10,
    start_from="2026-01-01T00:10:00Z",
    start_by="2026-01-01T00:10:00Z",
)

app = FastAPI(docs_url=None, redoc_url=None)


@app.post("/v1/orders", status_code=201)
async def nothing(body: OrderRequest) -> Order:
    """The same order for everybody."""
    del body
    return _ANSWER


def main() -> None:
    """Serve until a signal asks for the end."""
    config = uvicorn.Config(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
