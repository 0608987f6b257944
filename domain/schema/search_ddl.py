"""The search index over the products' tokens, as each database wants it."""

from __future__ import annotations

_SQLITE = (
    # detail=none keeps which product has which token and nothing else; `ascii` takes every other character as it is.
    "CREATE VIRTUAL TABLE product_search USING fts5("
    "tokens, content='product_text', content_rowid='product_id', detail=none, columnsize=0, tokenize='ascii')",
    "CREATE TRIGGER product_text_added AFTER INSERT ON product_text BEGIN "
    "INSERT INTO product_search(rowid, tokens) VALUES (new.product_id, new.tokens); END",
    "CREATE TRIGGER product_text_removed AFTER DELETE ON product_text BEGIN "
    "INSERT INTO product_search(product_search, rowid, tokens) VALUES ('delete', old.product_id, old.tokens); END",
    "CREATE TRIGGER product_text_changed AFTER UPDATE ON product_text WHEN new.tokens <> old.tokens BEGIN "
    "INSERT INTO product_search(product_search, rowid, tokens) VALUES ('delete', old.product_id, old.tokens); "
    "INSERT INTO product_search(rowid, tokens) VALUES (new.product_id, new.tokens); END",
)

VECTOR = "array_to_tsvector(string_to_array(product_text.tokens, ' '))"
"""PostgreSQL: what is indexed. A query finds the index only if it says exactly this."""

_POSTGRESQL = (
    f"CREATE INDEX ix_product_text_tokens ON product_text USING gin (({VECTOR.replace('product_text.', '')})) "
    "WITH (fastupdate = off)",
)


def search_ddl(dialect: str) -> tuple[str, ...]:
    """Statements that make the search index on `dialect`, after the table `product_text` was made."""
    return _SQLITE if dialect == "sqlite" else _POSTGRESQL
