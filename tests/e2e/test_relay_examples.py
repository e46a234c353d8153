"""What docs/relay.md shows to applications works as it stands there."""

import re
from typing import Any

import pytest

from support.outbox import Outbox
from support.places import ROOT

ORDER = 4711


def examples(language: str) -> list[str]:
    """The blocks of one language in the chapter for applications."""
    page = (ROOT / "docs" / "relay.md").read_text()
    chapter = page.split("\n## For applications\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", chapter, re.DOTALL | re.MULTILINE)


@pytest.fixture
def shop(outbox: Outbox) -> Outbox:
    """An application's database: an order that is not paid yet."""
    outbox.postgres.query("CREATE TABLE orders (id bigint PRIMARY KEY, state text NOT NULL)")
    outbox.postgres.query("INSERT INTO orders VALUES (%s, 'new')", ORDER)
    return outbox


def state(shop: Outbox) -> str:
    return str(shop.postgres.query("SELECT state FROM orders")[0][0])


def rows(shop: Outbox) -> list[tuple[Any, ...]]:
    columns = "tenant_id, event_type, ordering_key, convert_from(payload, 'UTF8')::jsonb, headers"
    return shop.postgres.query(f"SELECT {columns} FROM outbox ORDER BY id")


def test_the_sql(shop: Outbox) -> None:
    blocks = examples("sql")
    assert len(blocks) == 2
    for block in blocks:
        with shop.postgres.connect() as connection:
            connection.execute(block.encode())
    assert state(shop) == "paid"
    first, second = rows(shop)
    assert first == ("acme", "order-paid", None, {"order": ORDER}, {})
    assert second[:4] == first[:4]
    assert list(second[4]) == ["traceparent"]


def test_the_python(shop: Outbox) -> None:
    (block,) = examples("python")
    names: dict[str, Any] = {}
    exec(block, names)
    with shop.postgres.connect() as connection:
        names["pay"](connection, "acme", ORDER)
    assert state(shop) == "paid"
    assert rows(shop) == [("acme", "order-paid", f"order-{ORDER}", {"order": ORDER}, {})]


def test_an_event_that_is_refused_takes_the_change_with_it(shop: Outbox) -> None:
    (block,) = examples("python")
    names: dict[str, Any] = {}
    exec(block, names)
    with (
        shop.postgres.connect() as connection,
        pytest.raises(Exception, match="'Not A Tenant' is not a tenant id"),
    ):
        names["pay"](connection, "Not A Tenant", ORDER)
    assert state(shop) == "new"
    assert rows(shop) == []


def test_go_and_java_call_it_in_the_same_way() -> None:
    """They were run against a database when they were written; here, what must not drift apart."""
    call = re.compile(r"SELECT outbox_publish\((\S+), 'order-paid', (\S+)::jsonb, (\S+)\)")
    for language in ["python", "go", "java"]:
        (block,) = examples(language)
        assert call.search(block), language
        assert "UPDATE orders SET state = 'paid' WHERE id = " in block
