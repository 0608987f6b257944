CREATE INDEX ix_orders_held ON orders (id) WHERE decision = 'held'
