"""Where background work runs: in this process, or handed out through PostgreSQL to whichever process is free."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from bot.database import DatabaseUnavailable
from bot.job_runner import JobRunner
from jobs import Job

if TYPE_CHECKING:
    from procrastinate import App

log = structlog.get_logger()

AT_ONCE = 3  # a long settlement must not hold up an announcement
_STOP_SECONDS = 7.0
_AGAIN_SECONDS = 2.0


class Engine(Protocol):
    async def start(self) -> None: ...

    async def submit(self, job: str, period: str) -> None:
        """Have `job` run for `period` soon; asked twice, it runs once."""

    async def stop(self) -> None:
        """End what runs between two of its transactions; it goes on at the next start, here or elsewhere."""


class InProcess:
    """Runs jobs in threads of this process."""

    def __init__(self, runner: JobRunner, jobs: Mapping[str, Job]) -> None:
        self._runner = runner
        self._jobs = jobs
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="job")
        self._going: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def start(self) -> None:
        pass

    async def submit(self, job: str, period: str) -> None:
        if (job, period) in self._going:
            return
        run = asyncio.create_task(self._run(job, period), name=f"job-{job}")
        self._going[job, period] = run
        run.add_done_callback(lambda done: self._ended((job, period), done))

    async def _run(self, job: str, period: str) -> None:
        """The periods of one job one after another: they would only wait for each other in the database."""
        async with self._turns.setdefault(job, asyncio.Lock()):
            if not self._runner.stopping.is_set():
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._threads, self._runner.run, self._jobs[job], period)

    def _ended(self, which: tuple[str, str], done: asyncio.Future[Any]) -> None:
        del self._going[which]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("job.not_run", job=which[0], period=which[1], error=f"{type(error).__name__}: {error}")

    async def stop(self) -> None:
        self._runner.stopping.set()
        if self._going:
            await asyncio.wait(self._going.values(), timeout=_STOP_SECONDS)
        self._threads.shutdown(wait=False, cancel_futures=True)


class Queue:
    """Hands jobs out through Procrastinate. A process with `works` takes them and runs them in its threads."""

    TASK = "run_job"

    def __init__(self, url: str, runner: JobRunner, jobs: Mapping[str, Job], *, works: bool) -> None:
        self._app = procrastinate_app(url)
        self._runner = runner
        self._jobs = jobs
        self._works = works
        self._worker: asyncio.Task[None] | None = None
        self._app.task(name=self.TASK)(self._run)

    async def _run(self, job: str, period: str) -> None:
        await asyncio.to_thread(self._runner.run, self._jobs[job], period)

    async def start(self) -> None:
        await self._app.open_async()
        if self._works:
            self._worker = asyncio.create_task(self._work(), name="job-queue")

    async def _work(self) -> None:
        """Take jobs for as long as we run; after a loss of the database begin anew."""
        from procrastinate.exceptions import ConnectorException

        while True:
            try:
                await self._app.run_worker_async(
                    concurrency=AT_ONCE,
                    install_signal_handlers=False,
                    delete_jobs="always",  # what was done and what failed stands in our own record of runs
                    shutdown_graceful_timeout=_STOP_SECONDS,
                )
            except ConnectorException as error:
                log.warning("job_queue.database_unavailable", error=str(error.__cause__ or error))
            await asyncio.sleep(_AGAIN_SECONDS)

    async def submit(self, job: str, period: str) -> None:
        from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

        deferred = self._app.configure_task(self.TASK, queueing_lock=f"{job}:{period}")
        try:
            await deferred.defer_async(job=job, period=period)
        except AlreadyEnqueued:
            log.debug("job.queued_already", job=job, period=period)
        except ConnectorException as error:
            raise DatabaseUnavailable(str(error.__cause__ or error)) from error

    async def stop(self) -> None:
        self._runner.stopping.set()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        await self._app.close_async()


def procrastinate_app(url: str) -> App:
    """Return Procrastinate on the database `url`; its own tables are made by `fenxiao migrate`."""
    from procrastinate import App, PsycopgConnector

    return App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=AT_ONCE + 2))
