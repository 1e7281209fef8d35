from __future__ import annotations

import asyncio

import pytest

from tests.simulation.loop import PROCESS, Life, Process, SimulatedLoop, Stuck, new_loop


@pytest.fixture
def loop() -> SimulatedLoop:
    return new_loop(lambda: 0.25)


def test_time_passes_only_where_everybody_waits(loop: SimulatedLoop) -> None:
    async def story() -> list[float]:
        seen = [loop.time()]
        await asyncio.sleep(3600)
        seen.append(loop.time())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return [*seen, loop.time()]

    assert loop.run(story()) == [0, 3600, 3605]


def test_a_thread_takes_its_time_to_begin_and_to_be_heard(loop: SimulatedLoop) -> None:
    ran: list[float] = []

    async def story() -> float:
        await asyncio.to_thread(lambda: ran.append(loop.time()))
        return loop.time()

    assert loop.run(story()) == 0.5
    assert ran == [0.25]


def test_a_killed_process_does_nothing_more_not_even_its_last_will(loop: SimulatedLoop) -> None:
    done: list[str] = []

    async def life() -> None:
        try:
            done.append("begun")
            await asyncio.sleep(1)
            done.append("went on")
        finally:
            done.append("cleaned up")

    async def story() -> None:
        process = Process("victim")
        loop.start(process, life())
        await asyncio.sleep(0.5)
        process.life = Life.DEAD
        await asyncio.sleep(5)
        assert done == ["begun"]
        loop.run_out(process)
        await asyncio.sleep(0.1)

    loop.run(story())


def test_a_process_dies_before_a_call_or_after_it_and_never_hears_of_it(loop: SimulatedLoop) -> None:
    async def story(kill_after: float) -> tuple[bool, bool]:
        called: list[int] = []
        heard: list[int] = []

        async def life() -> None:
            await asyncio.to_thread(called.append, 1)
            heard.append(1)

        process = Process("victim")
        loop.start(process, life())
        await asyncio.sleep(kill_after)
        process.life = Life.DEAD
        await asyncio.sleep(5)
        return bool(called), bool(heard)

    assert [loop.run(story(seconds)) for seconds in (0.1, 0.3, 0.6)] == [(False, False), (True, False), (True, True)]


def test_a_stopped_process_goes_on_where_it_was(loop: SimulatedLoop) -> None:
    seen: list[tuple[str, float]] = []

    async def life() -> None:
        for step in ("a", "b"):
            seen.append((step, loop.time()))
            await asyncio.sleep(1)
        assert PROCESS.get() is not None

    async def story() -> None:
        process = Process("sleeper")
        task = loop.start(process, life())
        await asyncio.sleep(0.5)
        process.life = Life.STOPPED
        await asyncio.sleep(10)
        loop.resume(process)
        await task

    loop.run(story())
    assert seen == [("a", 0), ("b", 10.5)]


def test_waiting_for_what_can_never_come_is_told(loop: SimulatedLoop) -> None:
    with pytest.raises(Stuck):
        loop.run(asyncio.Event().wait())


def test_a_fault_of_the_simulation_itself_ends_it(loop: SimulatedLoop) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    async def story() -> None:
        loop.call_later(1, fail)
        await asyncio.sleep(2)

    with pytest.raises(ZeroDivisionError):
        loop.run(story())
