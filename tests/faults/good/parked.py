"""Orders with a parked effect, and lost orders, each with the records that the real parts would leave."""

from tests.faults.evidence.messages import Letter, RecordedAlert
from tests.faults.good.books import TOTAL
from tests.faults.good.orders import end, forward, refund, refused, release
from tests.faults.good.shop import GoodShop

CAUSE = "Unavailable: no answer"
UNKNOWN = "Timeout: no answer in time: it may have happened"
ANN = {"actor": "ann", "reason": "looked into it"}


def parked_refund(shop: GoodShop, order: str, status: str) -> None:
    """Add a refund that fails, with its alert; its log line gets this status."""
    with shop.step(order, "charge", "undo", status=status, error=CAUSE, attempt=8) as key:
        shop.write("payments", key, "undone")
        shop.call("provider", key, "refund", "unavailable")
    number = sum(alert.order_id == order for alert in shop.tables["alerts"])
    alert = RecordedAlert(
        f"{order}:charge:undo:{number}", order, "charge", "undo", CAUSE, TOTAL, shop.tick(), shop.tick()
    )
    shop.add("alerts", alert)


def decide(shop: GoodShop, order: str, verb: str) -> None:
    for _click in range(2):
        shop.ask("resolve", order, detail=f"charge {verb}")
    with shop.step(order, "charge", "resolve", summary=verb, result=dict(ANN)):
        pass


def o_parked(shop: GoodShop) -> None:
    shop.place("o-parked")
    forward(shop, "o-parked", "reserve", "charge")
    refused(shop, "o-parked", "ship", "shipping")
    parked_refund(shop, "o-parked", "parked")
    release(shop, "o-parked")
    shop.run("o-parked", "running", "needs_attention")


def o_waived(shop: GoodShop) -> None:
    shop.place("o-waived")
    forward(shop, "o-waived", "reserve", "charge")
    refused(shop, "o-waived", "ship", "shipping")
    parked_refund(shop, "o-waived", "waived")
    release(shop, "o-waived")
    decide(shop, "o-waived", "waive")
    end(shop, "o-waived", "failed")


def o_retried(shop: GoodShop) -> None:
    """An operator retries the refund, which then succeeds."""
    shop.place("o-retried")
    forward(shop, "o-retried", "reserve", "charge")
    refused(shop, "o-retried", "ship", "shipping")
    parked_refund(shop, "o-retried", "failed")
    release(shop, "o-retried")
    decide(shop, "o-retried", "retry")
    refund(shop, "o-retried")
    end(shop, "o-retried", "compensated")


def o_recovered(shop: GoodShop) -> None:
    """Terminated after its charge, and recovered by the reconciler."""
    shop.place("o-recovered")
    forward(shop, "o-recovered", "reserve", "charge")
    shop.ask("terminate", "o-recovered")
    shop.run("o-recovered", "terminated", None)
    shop.began["o-recovered"] = shop.tick()
    with shop.step("o-recovered", "ship", "probe"):
        pass
    with shop.step("o-recovered", "ship", "undo") as key:
        shop.stop("carrier", "shipping", key)
    refund(shop, "o-recovered")
    release(shop, "o-recovered")
    end(shop, "o-recovered", "compensated", kind="RecoverOrderWorkflow")


def o_cut_short(shop: GoodShop) -> None:
    """Terminated after a failed refund, before its alert was sent; the recovery's refund succeeds."""
    shop.place("o-cut-short")
    forward(shop, "o-cut-short", "reserve", "charge")
    refused(shop, "o-cut-short", "ship", "shipping")
    with shop.step("o-cut-short", "charge", "undo", status="parked", error=CAUSE, attempt=8):
        pass
    shop.ask("terminate", "o-cut-short")
    shop.run("o-cut-short", "terminated", None)
    shop.began["o-cut-short"] = shop.tick()
    with shop.step("o-cut-short", "ship", "undo"):
        shop.call("carrier", "o-cut-short:ship", "cancel", "nothing to undo")
    refund(shop, "o-cut-short")
    release(shop, "o-cut-short")
    end(shop, "o-cut-short", "compensated", kind="RecoverOrderWorkflow")


def o_unknown(shop: GoodShop) -> None:
    """The recall has no answer, so that the other undos wait; after a second attempt they go on."""
    shop.place("o-unknown")
    forward(shop, "o-unknown", "reserve", "charge")
    with shop.step("o-unknown", "ship", status="unknown", error=UNKNOWN) as key:
        shop.hand_over("o-unknown", key, booked=False)
    with shop.step("o-unknown", "ship", "undo", status="failed", error=UNKNOWN, attempt=8) as key:
        pass
    shop.add("alerts", RecordedAlert("o-unknown:ship:undo:0", "o-unknown", "ship", "undo", UNKNOWN, 0, shop.tick()))
    shop.ask("resolve", "o-unknown", detail="ship retry")
    with shop.step("o-unknown", "ship", "resolve", summary="retry", result=dict(ANN)):
        pass
    with shop.step("o-unknown", "ship", "undo") as key:
        shop.take_back("o-unknown", key)
    refund(shop, "o-unknown")
    release(shop, "o-unknown")
    end(shop, "o-unknown", "compensated")


def o_unrecovered(shop: GoodShop) -> None:
    """Lost, and its recovery failed: an open dead letter."""
    shop.place("o-unrecovered")
    forward(shop, "o-unrecovered", "reserve")
    shop.ask("terminate", "o-unrecovered")
    shop.run("o-unrecovered", "terminated", None)
    shop.began["o-unrecovered"] = shop.tick()
    with shop.step("o-unrecovered", "ship", "probe", status="transient", error=CAUSE):
        pass
    shop.run("o-unrecovered", "failed", None, "RecoverOrderWorkflow", "RecoveryFailed")
    shop.add("letters", Letter("recovery", "o-unrecovered", "o-unrecovered", "open", CAUSE, 8, shop.tick()))
