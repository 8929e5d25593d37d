"""The target of bad input: a running system with orders in several statuses, and snapshots of its tables."""

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import psycopg
from temporalio.client import Client, WorkflowHandle

from cli.app import run
from tests.cli.conftest import Ran, as_bytes, order_document
from tests.cli.operate.parking import new_id, shipped_to, sql, until, until_status, until_step
from tests.systems import Environment, changed

KINDS = "WorkflowType IN ('OrderWorkflow', 'RoutingSlipWorkflow', 'RecoverOrderWorkflow')"
# A word in every customer's personal data; no output may repeat it.
CANARY = "canary"
TABLES = b"""
select format('select %L, count(*), md5(coalesce(string_agg(t::text, chr(10) order by t::text), '''')) from %I.%I t',
  schemaname || '.' || tablename, schemaname, tablename)
from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1
"""
TableSnapshot = dict[str, Any]


@dataclass
class Target:
    """A running system with the connections that inspect it; `orders`: status → order id."""

    environment: Environment
    client: Client
    runner: asyncio.Runner
    connection: psycopg.Connection[Any]
    orders: dict[str, str] = field(default_factory=dict)
    known: TableSnapshot = field(default_factory=dict)
    _looks: bytes = b""

    def run(self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str | None] | None = None) -> Ran:
        """Run one command of the starter in this process; native code's output on stderr is captured, too."""
        out, err = io.StringIO(), io.StringIO()
        given = mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        here = mock.patch.dict(os.environ, changed(self.environment, environment or {}), clear=True)
        with native_stderr() as native, here, given, redirect_stdout(out), redirect_stderr(err):
            code = run([argument.format_map(self.orders) for argument in arguments])
            return Ran(code, out.getvalue(), err.getvalue() + native())

    def snapshot(self) -> TableSnapshot:
        """Return a snapshot: the row count and content hash of each table, and the number of workflows."""
        if not self._looks:
            self._looks = " union all ".join(row[0] for row in self.connection.execute(TABLES)).encode()
        tables = self.connection.execute(self._looks)
        workflows = self.runner.run(self.client.count_workflows(KINDS)).count
        return {name: (rows, content) for name, rows, content in tables} | {"workflows": workflows}

    def check_unchanged(self) -> None:
        """Fail when anything was written since the last snapshot."""
        before, self.known = self.known, self.snapshot()
        changed = [name for name in self.known if before and before.get(name) != self.known[name]]
        assert not changed, changed

    def changed_on_purpose(self) -> None:
        """Take a new snapshot after an intended change."""
        self.known = self.snapshot()

    def handle(self, order: str) -> WorkflowHandle[Any, Any]:
        """Return the handle of one of the target's orders, or of any other workflow id."""
        return self.client.get_workflow_handle(f"order-{self.orders[order]}" if order in self.orders else order)

    def place(self, status: str, *options: str, **changes: Any) -> str:
        """Place an order that the target knows by this status from now on; return its id."""
        order_id = self.orders[status] = new_id(status)
        ran = self.run("place", "-", *options, "--json", stdin=as_bytes(customer_order(order_id, **changes)))
        assert ran.code == 0, ran.err
        return order_id


def customer_order(order_id: str, **changes: Any) -> dict[str, Any]:
    """Return an order of 49.70 EUR whose customer data contain the canary."""
    address = {"name": f"Zoe {CANARY}", "street": f"1 {CANARY} lane"}
    document = order_document(order_id, customer_id=f"c-{CANARY}", **changes)
    return document | {"ship_to": document["ship_to"] | address}


def with_a_transfer() -> dict[str, Any]:
    """Return the payment of an order that waits for a bank transfer."""
    return {"payment": {"method": "bank_transfer", "reference": f"ref_{CANARY}"}}


def put_in_place(target: Target) -> None:
    """Create a completed order, an order that waits for its transfer, and an order with a parked completion."""
    parked = target.place("parked", "--no-wait", **shipped_to("00002"))
    until_step(target.run, parked, "ship", "pending")
    closed = "update orders.orders set status = 'compensated', closed_at = now() where order_id = %s"
    sql(target.environment, closed, parked)
    sql(
        target.environment,
        "insert into orders.catalogue values ('SKU-RETIRED', 990, 'EUR', false), ('SKU-DOLLAR', 990, 'USD', true)",
    )
    target.place("done")
    target.place("waiting", **with_a_transfer())
    until_status(target.run, parked, "needs_attention")
    alerted = "select true from operators.alerts where order_id = %s and logged_only"
    until(lambda: sql(target.environment, alerted, parked))
    until(lambda: target.runner.run(target.client.count_workflows(KINDS)).count == len(target.orders))


@contextmanager
def native_stderr() -> Iterator[Any]:
    """Capture the process's own stderr, where the SDK's native core writes."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)

        def written() -> str:
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            yield written
        finally:
            os.dup2(kept, 2)
            os.close(kept)
