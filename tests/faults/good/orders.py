"""Orders and slips that end without an operator, each with the records that the real parts would leave."""

from tests.faults.evidence.records import Transfer
from tests.faults.good.books import TOTAL
from tests.faults.good.shop import GoodShop

FAILED = "OrderCompensated"


def forward(shop: GoodShop, order: str, *steps: str) -> None:
    """Run these steps successfully."""
    for step in ("validate", *steps):
        with shop.step(order, step) as key:
            if step == "reserve":
                shop.write("inventory", key, "done")
            elif step == "charge":
                shop.take(order, key)
            elif step == "ship":
                shop.hand_over(order, key)


def release(shop: GoodShop, order: str) -> None:
    with shop.step(order, "reserve", "undo") as key:
        shop.write("inventory", key, "undone" if shop.receipt(key) else "tombstone")


def refund(shop: GoodShop, order: str) -> None:
    with shop.step(order, "charge", "undo") as key:
        shop.give_back(order, key)


def end(shop: GoodShop, order: str, status: str, temporal: str = "failed", kind: str = "OrderWorkflow") -> None:
    """Close an order and end its run."""
    direction = "do" if status == "completed" else "close"
    with shop.step(order, "complete" if status == "completed" else "close", direction):
        shop.close(order, status)
    shop.run(order, temporal, status, kind, FAILED if temporal == "failed" else "")


def settled(shop: GoodShop, order: str) -> None:
    """Make all effects of an order final, the parcel first."""
    with shop.step(order, "settle_shipment"):
        shop.settle(order, "ship")
    with shop.step(order, "settle_payment"):  # side by side: the one ends after the other
        with shop.step(order, "settle_stock"):
            shop.settle(order, "reserve")
        shop.settle(order, "charge")
    shop.logs[order].sort(key=lambda line: line.started_at)


def refused(shop: GoodShop, order: str, step: str, service: str) -> None:
    with shop.step(order, step, status="refused", error="Refused: no") as key:
        shop.refuse({"payments": "provider", "shipping": "carrier"}[service], service, key)


def completed(shop: GoodShop, order: str) -> None:
    shop.place(order)
    forward(shop, order, "reserve", "charge", "ship")
    settled(shop, order)
    end(shop, order, "completed", "completed")


def o_done(shop: GoodShop) -> None:
    completed(shop, "o-done")


def o_declined(shop: GoodShop) -> None:
    shop.place("o-declined")
    forward(shop, "o-declined", "reserve")
    refused(shop, "o-declined", "charge", "payments")
    release(shop, "o-declined")
    end(shop, "o-declined", "compensated")


def o_refused(shop: GoodShop) -> None:
    shop.place("o-refused")
    forward(shop, "o-refused", "reserve", "charge")
    refused(shop, "o-refused", "ship", "shipping")
    refund(shop, "o-refused")
    release(shop, "o-refused")
    end(shop, "o-refused", "compensated")


def o_lost(shop: GoodShop) -> None:
    """The parcel left, and the carrier's answer was lost."""
    shop.place("o-lost")
    forward(shop, "o-lost", "reserve", "charge")
    with shop.step("o-lost", "ship", status="unknown", error="Timeout: no answer in time") as key:
        shop.hand_over("o-lost", key, booked=False)
    with shop.step("o-lost", "ship", "undo") as key:
        shop.take_back("o-lost", key)
    refund(shop, "o-lost")
    release(shop, "o-lost")
    end(shop, "o-lost", "compensated")


def o_cancelled(shop: GoodShop) -> None:
    """Cancelled during the charge, which the undo fences before it arrives."""
    shop.place("o-cancelled")
    forward(shop, "o-cancelled", "reserve")
    with shop.step("o-cancelled", "charge", status="unknown", error="Cancelled: on its way"):
        shop.ask("cancel", "o-cancelled")
    with shop.step("o-cancelled", "charge", "undo") as key:
        shop.stop("provider", "payments", key)
    release(shop, "o-cancelled")
    shop.call("provider", "o-cancelled:charge", "charge", "too late")
    end(shop, "o-cancelled", "cancelled", "canceled")


def o_express(shop: GoodShop) -> None:
    """An express order, cancelled after a lost workflow task of unknown progress: everything is undone."""
    shop.place("o-express")
    forward(shop, "o-express", "reserve")
    shop.ask("cancel", "o-express")
    with shop.step("o-express", "ship", "probe"):
        pass
    for step, party, service in (("ship", "carrier", "shipping"), ("charge", "provider", "payments")):
        with shop.step("o-express", step, "undo") as key:
            shop.stop(party, service, key)
    release(shop, "o-express")
    end(shop, "o-express", "cancelled", "canceled")


def o_turned(shop: GoodShop) -> None:
    """Express, cancelled after a lost workflow task whose worker had settled the parcel: the order goes forward."""
    shop.place("o-turned")
    forward(shop, "o-turned", "reserve")
    shop.ask("request_cancel", "o-turned")
    with shop.step("o-turned", "ship", "probe"):
        pass
    shop.take("o-turned", "o-turned:charge")
    shop.hand_over("o-turned", "o-turned:ship")
    shop.settle("o-turned", "ship")
    with shop.step("o-turned", "ship", "undo", status="transient", error="AlreadySettled: o-turned:ship: was settled"):
        pass
    for step in ("charge", "ship"):
        with shop.step("o-turned", step):
            pass
    settled(shop, "o-turned")
    end(shop, "o-turned", "completed", "completed")


def o_transferred(shop: GoodShop) -> None:
    """An order that is paid by bank transfer."""
    shop.place("o-transferred", method="bank_transfer")
    forward(shop, "o-transferred", "reserve")
    with shop.step("o-transferred", "charge"):
        pass
    shop.ask("deliver", "o-transferred", detail="payment_settled")
    with shop.step("o-transferred", "charge", "settle") as key:
        shop.write("payments", key, "done")
        shop.book("o-transferred", key, "charge", "bank", "held")
        shop.add("transfers", Transfer(key, "o-transferred", "settled", TOTAL))
    with shop.step("o-transferred", "ship") as key:
        shop.hand_over("o-transferred", key)
    settled(shop, "o-transferred")
    end(shop, "o-transferred", "completed", "completed")


def o_underpaid(shop: GoodShop) -> None:
    """A bank transfer of another amount than requested."""
    shop.place("o-underpaid", method="bank_transfer")
    forward(shop, "o-underpaid", "reserve")
    with shop.step("o-underpaid", "charge"):
        pass
    with shop.step("o-underpaid", "charge", "settle", status="refused", error="TransferRefused: another amount") as key:
        shop.write("payments", key, "refused")
        shop.add("transfers", Transfer(key, "o-underpaid", "void", TOTAL))
    with shop.step("o-underpaid", "charge", "undo"):
        pass
    release(shop, "o-underpaid")
    end(shop, "o-underpaid", "compensated")


def s_done(shop: GoodShop) -> None:
    """A routing slip that completed."""
    shop.place("slip.s-done", style="slip")
    forward(shop, "slip.s-done", "reserve", "charge", "ship")
    for number, stop in enumerate(("ship", "charge", "reserve"), start=1):
        with shop.step("slip.s-done", f"settle-{number}"):
            shop.settle("slip.s-done", stop)
    with shop.step("slip.s-done", "complete"):
        shop.close("slip.s-done", "completed")
    shop.run("slip.s-done", "completed", "completed", "RoutingSlipWorkflow")


def s_undone(shop: GoodShop) -> None:
    """A routing slip that was undone."""
    shop.place("slip.s-undone", style="slip")
    forward(shop, "slip.s-undone", "reserve", "charge")
    refund(shop, "slip.s-undone")
    release(shop, "slip.s-undone")
    with shop.step("slip.s-undone", "close", "close"):
        shop.close("slip.s-undone", "compensated")
    shop.run("slip.s-undone", "failed", "compensated", "RoutingSlipWorkflow", "SlipCompensated")
