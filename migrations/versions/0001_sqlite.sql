CREATE TABLE account (
	id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	member_id INTEGER NOT NULL,
	currency TEXT NOT NULL,
	balance INTEGER NOT NULL,
	CONSTRAINT pk_account PRIMARY KEY (id),
	CONSTRAINT uq_account_kind_member_id_currency UNIQUE (kind, member_id, currency)
)
 STRICT

CREATE INDEX ix_account_member_id ON account (member_id)

CREATE TABLE entry (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	kind TEXT NOT NULL,
	cause TEXT NOT NULL,
	at INTEGER NOT NULL,
	recorded_at INTEGER NOT NULL,
	CONSTRAINT pk_entry PRIMARY KEY (id),
	CONSTRAINT uq_entry_key UNIQUE ("key")
)
 STRICT

CREATE INDEX ix_entry_at ON entry (at)

CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entry rows never change'); END

CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entry rows never change'); END

CREATE TABLE brand (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	name_en TEXT,
	region TEXT,
	story TEXT,
	story_en TEXT,
	CONSTRAINT pk_brand PRIMARY KEY (id),
	CONSTRAINT uq_brand_name UNIQUE (name)
)
 STRICT

CREATE TABLE product (
	id INTEGER NOT NULL,
	sku TEXT NOT NULL,
	name TEXT NOT NULL,
	name_en TEXT,
	brand TEXT,
	category TEXT,
	region TEXT,
	price INTEGER NOT NULL,
	cost INTEGER,
	currency TEXT NOT NULL,
	on_shelf INTEGER NOT NULL,
	hot INTEGER NOT NULL,
	floor_price INTEGER,
	image_url TEXT,
	selling_points TEXT,
	selling_points_en TEXT,
	created_at INTEGER NOT NULL,
	CONSTRAINT pk_product PRIMARY KEY (id),
	CONSTRAINT ck_product_price CHECK (price >= 0),
	CONSTRAINT ck_product_cost CHECK (cost >= 0),
	CONSTRAINT ck_product_floor_price CHECK (floor_price >= 0),
	CONSTRAINT uq_product_sku UNIQUE (sku)
)
 STRICT

CREATE INDEX ix_product_brand ON product (brand)

CREATE INDEX ix_product_category ON product (category)

CREATE INDEX ix_product_on_shelf_hot ON product (on_shelf, hot, id)

CREATE TABLE currency_rate (
	currency TEXT NOT NULL,
	from_at INTEGER NOT NULL,
	rate TEXT NOT NULL,
	CONSTRAINT pk_currency_rate PRIMARY KEY (currency, from_at)
)
 STRICT

CREATE TABLE visit (
	id INTEGER NOT NULL,
	link_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	day TEXT NOT NULL,
	at INTEGER NOT NULL,
	visitor INTEGER NOT NULL,
	ip INTEGER NOT NULL,
	bot INTEGER NOT NULL,
	CONSTRAINT pk_visit PRIMARY KEY (id)
)
 STRICT

CREATE INDEX ix_visit_day ON visit (day)

CREATE INDEX ix_visit_member_id_day ON visit (member_id, day)

CREATE TABLE visit_day (
	member_id INTEGER NOT NULL,
	day TEXT NOT NULL,
	link_id INTEGER NOT NULL,
	visits INTEGER NOT NULL,
	visitors INTEGER NOT NULL,
	ips INTEGER NOT NULL,
	CONSTRAINT pk_visit_day PRIMARY KEY (member_id, day, link_id)
)
 STRICT

CREATE TABLE day_salt (
	day TEXT NOT NULL,
	salt TEXT NOT NULL,
	CONSTRAINT pk_day_salt PRIMARY KEY (day)
)
 STRICT

CREATE TABLE announcement (
	id INTEGER NOT NULL,
	text TEXT NOT NULL,
	audience TEXT NOT NULL,
	at INTEGER NOT NULL,
	state TEXT NOT NULL,
	reached_id INTEGER NOT NULL,
	left_out INTEGER NOT NULL,
	created_by TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	finished_at INTEGER,
	CONSTRAINT pk_announcement PRIMARY KEY (id),
	CONSTRAINT ck_announcement_state CHECK (state IN ('scheduled', 'queueing', 'queued', 'cancelled'))
)
 STRICT

CREATE TABLE member (
	id INTEGER NOT NULL,
	member_id TEXT NOT NULL,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	status TEXT NOT NULL,
	operator INTEGER NOT NULL,
	sponsor_id INTEGER,
	sponsor2_id INTEGER,
	sponsor3_id INTEGER,
	mode TEXT NOT NULL,
	class TEXT NOT NULL,
	class_scope TEXT,
	split_bp TEXT,
	tier TEXT,
	buyer_id TEXT,
	locale TEXT,
	joined_at INTEGER NOT NULL,
	CONSTRAINT pk_member PRIMARY KEY (id),
	CONSTRAINT ck_member_role CHECK (role IN ('customer', 'distributor', 'merchant', 'agent')),
	CONSTRAINT ck_member_status CHECK (status IN ('active', 'suspended', 'closed')),
	CONSTRAINT ck_member_mode CHECK (mode IN ('network', 'independent')),
	CONSTRAINT ck_member_not_own_sponsor CHECK (sponsor_id <> id),
	CONSTRAINT uq_member_member_id UNIQUE (member_id),
	CONSTRAINT fk_member_sponsor_id_member FOREIGN KEY(sponsor_id) REFERENCES member (id),
	CONSTRAINT fk_member_sponsor2_id_member FOREIGN KEY(sponsor2_id) REFERENCES member (id),
	CONSTRAINT fk_member_sponsor3_id_member FOREIGN KEY(sponsor3_id) REFERENCES member (id),
	CONSTRAINT uq_member_buyer_id UNIQUE (buyer_id)
)
 STRICT

CREATE INDEX ix_member_sponsor2_id ON member (sponsor2_id, id)

CREATE INDEX ix_member_sponsor3_id ON member (sponsor3_id, id)

CREATE INDEX ix_member_sponsor_id ON member (sponsor_id, id)

CREATE TABLE plan_version (
	id INTEGER NOT NULL,
	effective_from INTEGER NOT NULL,
	name TEXT NOT NULL,
	source TEXT NOT NULL,
	published_at INTEGER NOT NULL,
	published_by TEXT NOT NULL,
	accepted_guard INTEGER NOT NULL,
	CONSTRAINT pk_plan_version PRIMARY KEY (id)
)
 STRICT

CREATE INDEX ix_plan_version_effective_from ON plan_version (effective_from)

CREATE TABLE order_event (
	id INTEGER NOT NULL,
	webhook_id TEXT NOT NULL,
	type TEXT NOT NULL,
	order_id TEXT NOT NULL,
	fact TEXT,
	data TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	status TEXT NOT NULL,
	reasons TEXT,
	received_at INTEGER NOT NULL,
	CONSTRAINT pk_order_event PRIMARY KEY (id),
	CONSTRAINT ck_order_event_status CHECK (status IN ('applied', 'duplicate', 'waiting', 'unapplied', 'refused', 'retried'))
)
 STRICT

CREATE INDEX ix_order_event_order_id ON order_event (order_id)

CREATE INDEX ix_order_event_refused ON order_event (webhook_id) WHERE status IN ('refused', 'unapplied')

CREATE UNIQUE INDEX uq_order_event_webhook_id ON order_event (webhook_id) WHERE status IN ('applied', 'duplicate', 'waiting', 'unapplied')

CREATE TABLE task_template (
	id INTEGER NOT NULL,
	code TEXT NOT NULL,
	title TEXT NOT NULL,
	title_en TEXT NOT NULL,
	audience TEXT NOT NULL,
	"check" TEXT NOT NULL,
	target INTEGER NOT NULL,
	points INTEGER NOT NULL,
	active INTEGER NOT NULL,
	CONSTRAINT pk_task_template PRIMARY KEY (id),
	CONSTRAINT uq_task_template_code UNIQUE (code)
)
 STRICT

CREATE TABLE job_run (
	id INTEGER NOT NULL,
	job TEXT NOT NULL,
	period TEXT NOT NULL,
	state TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	started_at INTEGER NOT NULL,
	lease_until INTEGER,
	finished_at INTEGER,
	result TEXT,
	error TEXT,
	CONSTRAINT pk_job_run PRIMARY KEY (id),
	CONSTRAINT uq_job_run_job_period UNIQUE (job, period),
	CONSTRAINT ck_job_run_state CHECK (state IN ('running', 'done', 'failed', 'missed'))
)
 STRICT

CREATE TABLE audit_row (
	id INTEGER NOT NULL,
	at INTEGER NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	subject TEXT NOT NULL,
	"before" TEXT,
	"after" TEXT,
	CONSTRAINT pk_audit_row PRIMARY KEY (id)
)
 STRICT

CREATE TRIGGER audit_row_no_update BEFORE UPDATE ON audit_row BEGIN SELECT RAISE(ABORT, 'audit_row rows never change'); END

CREATE TRIGGER audit_row_no_delete BEFORE DELETE ON audit_row BEGIN SELECT RAISE(ABORT, 'audit_row rows never change'); END

CREATE TABLE alert (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	text_key TEXT NOT NULL,
	params TEXT NOT NULL,
	raised_at INTEGER NOT NULL,
	cleared_at INTEGER,
	CONSTRAINT pk_alert PRIMARY KEY (id)
)
 STRICT

CREATE UNIQUE INDEX uq_alert_open ON alert ("key") WHERE cleared_at IS NULL

CREATE TABLE api_key (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	hash TEXT NOT NULL,
	scope TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	CONSTRAINT pk_api_key PRIMARY KEY (id),
	CONSTRAINT ck_api_key_scope CHECK (scope IN ('read', 'write')),
	CONSTRAINT uq_api_key_name UNIQUE (name),
	CONSTRAINT uq_api_key_hash UNIQUE (hash)
)
 STRICT

CREATE TABLE fact (
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	CONSTRAINT pk_fact PRIMARY KEY (name)
)
 STRICT

CREATE TABLE posting (
	entry_id INTEGER NOT NULL,
	account_id INTEGER NOT NULL,
	amount INTEGER NOT NULL,
	CONSTRAINT pk_posting PRIMARY KEY (entry_id, account_id),
	CONSTRAINT ck_posting_amount CHECK (amount <> 0),
	CONSTRAINT fk_posting_entry_id_entry FOREIGN KEY(entry_id) REFERENCES entry (id),
	CONSTRAINT fk_posting_account_id_account FOREIGN KEY(account_id) REFERENCES account (id)
)
 STRICT

CREATE INDEX ix_posting_account_id ON posting (account_id)

CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting BEGIN SELECT RAISE(ABORT, 'posting rows never change'); END

CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting BEGIN SELECT RAISE(ABORT, 'posting rows never change'); END

CREATE TABLE product_text (
	product_id INTEGER NOT NULL,
	body TEXT NOT NULL,
	tokens TEXT NOT NULL,
	CONSTRAINT pk_product_text PRIMARY KEY (product_id),
	CONSTRAINT fk_product_text_product_id_product FOREIGN KEY(product_id) REFERENCES product (id)
)
 STRICT

CREATE VIRTUAL TABLE product_search USING fts5(tokens, content='product_text', content_rowid='product_id', detail=none, columnsize=0, tokenize='ascii')

CREATE TRIGGER product_text_added AFTER INSERT ON product_text BEGIN INSERT INTO product_search(rowid, tokens) VALUES (new.product_id, new.tokens); END

CREATE TRIGGER product_text_removed AFTER DELETE ON product_text BEGIN INSERT INTO product_search(product_search, rowid, tokens) VALUES ('delete', old.product_id, old.tokens); END

CREATE TRIGGER product_text_changed AFTER UPDATE ON product_text WHEN new.tokens <> old.tokens BEGIN INSERT INTO product_search(product_search, rowid, tokens) VALUES ('delete', old.product_id, old.tokens); INSERT INTO product_search(rowid, tokens) VALUES (new.product_id, new.tokens); END

CREATE TABLE stock (
	product_id INTEGER NOT NULL,
	warehouse TEXT NOT NULL,
	quantity INTEGER NOT NULL,
	CONSTRAINT pk_stock PRIMARY KEY (product_id, warehouse),
	CONSTRAINT ck_stock_quantity CHECK (quantity >= 0),
	CONSTRAINT fk_stock_product_id_product FOREIGN KEY(product_id) REFERENCES product (id)
)
 STRICT

CREATE TABLE picked_product (
	member_id INTEGER NOT NULL,
	product_id INTEGER NOT NULL,
	picked_at INTEGER NOT NULL,
	CONSTRAINT pk_picked_product PRIMARY KEY (member_id, product_id),
	CONSTRAINT fk_picked_product_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_picked_product_product_id_product FOREIGN KEY(product_id) REFERENCES product (id)
)
 STRICT

CREATE TABLE link (
	id INTEGER NOT NULL,
	code TEXT NOT NULL,
	member_id INTEGER,
	kind TEXT NOT NULL,
	target TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	CONSTRAINT pk_link PRIMARY KEY (id),
	CONSTRAINT uq_link_member_id_kind_target UNIQUE (member_id, kind, target),
	CONSTRAINT ck_link_kind CHECK (kind IN ('product', 'brand', 'campaign', 'shop', 'invite', 'order')),
	CONSTRAINT uq_link_code UNIQUE (code),
	CONSTRAINT fk_link_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)
 STRICT

CREATE UNIQUE INDEX uq_link_of_nobody ON link (kind, target) WHERE member_id IS NULL

CREATE TABLE contact (
	id INTEGER NOT NULL,
	channel TEXT NOT NULL,
	account TEXT NOT NULL,
	member_id INTEGER,
	name TEXT NOT NULL,
	locale TEXT,
	state TEXT,
	first_seen_at INTEGER NOT NULL,
	seen_at INTEGER NOT NULL,
	unreachable_since INTEGER,
	CONSTRAINT pk_contact PRIMARY KEY (id),
	CONSTRAINT uq_contact_channel_account UNIQUE (channel, account),
	CONSTRAINT fk_contact_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)
 STRICT

CREATE INDEX ix_contact_member_id ON contact (member_id)

CREATE TABLE mute (
	member_id INTEGER NOT NULL,
	category TEXT NOT NULL,
	CONSTRAINT pk_mute PRIMARY KEY (member_id, category),
	CONSTRAINT fk_mute_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)
 STRICT

CREATE TABLE orders (
	id INTEGER NOT NULL,
	order_id TEXT NOT NULL,
	buyer_id TEXT,
	ref TEXT,
	sales_channel TEXT,
	payment TEXT,
	currency TEXT NOT NULL,
	rate TEXT NOT NULL,
	amount INTEGER NOT NULL,
	shipping INTEGER NOT NULL,
	paid_at INTEGER NOT NULL,
	credited_id INTEGER,
	credit_reason TEXT NOT NULL,
	plan_id INTEGER,
	freeze_days INTEGER NOT NULL,
	decision TEXT NOT NULL,
	decision_reason TEXT,
	decisions INTEGER NOT NULL,
	shipped_at INTEGER,
	customs_cleared_at INTEGER,
	delivered_at INTEGER,
	completed_at INTEGER,
	due_at INTEGER,
	cancelled_at INTEGER,
	recorded_at INTEGER NOT NULL,
	CONSTRAINT pk_orders PRIMARY KEY (id),
	CONSTRAINT ck_orders_decision CHECK (decision IN ('none', 'held', 'released', 'denied')),
	CONSTRAINT uq_orders_order_id UNIQUE (order_id),
	CONSTRAINT fk_orders_credited_id_member FOREIGN KEY(credited_id) REFERENCES member (id),
	CONSTRAINT fk_orders_plan_id_plan_version FOREIGN KEY(plan_id) REFERENCES plan_version (id)
)
 STRICT

CREATE INDEX ix_orders_buyer_id ON orders (buyer_id)

CREATE INDEX ix_orders_credited_id_paid_at ON orders (credited_id, paid_at)

CREATE INDEX ix_orders_paid_at ON orders (paid_at)

CREATE TABLE task (
	id INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	template_id INTEGER NOT NULL,
	day TEXT NOT NULL,
	target INTEGER NOT NULL,
	points INTEGER NOT NULL,
	done_at INTEGER,
	CONSTRAINT pk_task PRIMARY KEY (id),
	CONSTRAINT uq_task_member_id_day_template_id UNIQUE (member_id, day, template_id),
	CONSTRAINT fk_task_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_task_template_id_task_template FOREIGN KEY(template_id) REFERENCES task_template (id)
)
 STRICT

CREATE INDEX ix_task_day ON task (day)

CREATE TABLE inbox (
	id INTEGER NOT NULL,
	channel TEXT NOT NULL,
	update_key TEXT NOT NULL,
	contact_id INTEGER NOT NULL,
	received_at INTEGER NOT NULL,
	answer TEXT,
	answer_state TEXT NOT NULL,
	CONSTRAINT pk_inbox PRIMARY KEY (id),
	CONSTRAINT uq_inbox_channel_update_key UNIQUE (channel, update_key),
	CONSTRAINT fk_inbox_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id)
)
 STRICT

CREATE TABLE outbox (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	member_id INTEGER NOT NULL,
	text_key TEXT NOT NULL,
	params TEXT NOT NULL,
	category TEXT NOT NULL,
	priority INTEGER NOT NULL,
	announcement_id INTEGER,
	state TEXT NOT NULL,
	channel TEXT,
	contact_id INTEGER,
	not_before INTEGER NOT NULL,
	lease_until INTEGER,
	attempts INTEGER NOT NULL,
	error TEXT,
	created_at INTEGER NOT NULL,
	finished_at INTEGER,
	CONSTRAINT pk_outbox PRIMARY KEY (id),
	CONSTRAINT ck_outbox_state CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'unknown', 'cancelled', 'deferred', 'muted')),
	CONSTRAINT ck_outbox_category CHECK (category IN ('system', 'business', 'promotion')),
	CONSTRAINT uq_outbox_key UNIQUE ("key"),
	CONSTRAINT fk_outbox_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_outbox_announcement_id_announcement FOREIGN KEY(announcement_id) REFERENCES announcement (id),
	CONSTRAINT fk_outbox_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id)
)
 STRICT

CREATE INDEX ix_outbox_announcement_id_state ON outbox (announcement_id, state)

CREATE INDEX ix_outbox_kept ON outbox (member_id, id) WHERE state = 'deferred'

CREATE INDEX ix_outbox_member_id ON outbox (member_id, id)

CREATE INDEX ix_outbox_under_way ON outbox (contact_id) WHERE (state = 'sending' OR (state = 'queued' AND attempts > 0))

CREATE INDEX ix_outbox_unknown ON outbox (id) WHERE state = 'unknown'

CREATE INDEX ix_outbox_waiting ON outbox (channel, priority, id) WHERE state = 'queued'

CREATE TABLE chat_message (
	id INTEGER NOT NULL,
	contact_id INTEGER NOT NULL,
	outgoing INTEGER NOT NULL,
	body TEXT NOT NULL,
	at INTEGER NOT NULL,
	CONSTRAINT pk_chat_message PRIMARY KEY (id),
	CONSTRAINT fk_chat_message_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id)
)
 STRICT

CREATE INDEX ix_chat_message_contact_id_id ON chat_message (contact_id, id)

CREATE TABLE order_line (
	order_id INTEGER NOT NULL,
	line INTEGER NOT NULL,
	sku TEXT NOT NULL,
	quantity INTEGER NOT NULL,
	amount INTEGER NOT NULL,
	refunded_quantity INTEGER NOT NULL,
	refunded_amount INTEGER NOT NULL,
	captured TEXT,
	trace TEXT,
	CONSTRAINT pk_order_line PRIMARY KEY (order_id, line),
	CONSTRAINT ck_order_line_refunded_amount CHECK (refunded_amount >= 0 AND refunded_amount <= amount),
	CONSTRAINT ck_order_line_refunded_quantity CHECK (refunded_quantity >= 0 AND refunded_quantity <= quantity),
	CONSTRAINT fk_order_line_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id)
)
 STRICT

CREATE TABLE commission (
	id INTEGER NOT NULL,
	order_id INTEGER NOT NULL,
	line INTEGER NOT NULL,
	level INTEGER NOT NULL,
	member_id INTEGER NOT NULL,
	base INTEGER NOT NULL,
	rate_bp INTEGER NOT NULL,
	amount INTEGER NOT NULL,
	reversed INTEGER NOT NULL,
	earned_at INTEGER NOT NULL,
	settle_at INTEGER,
	settled_as_of INTEGER,
	CONSTRAINT pk_commission PRIMARY KEY (id),
	CONSTRAINT uq_commission_order_id_line_level UNIQUE (order_id, line, level),
	CONSTRAINT ck_commission_level CHECK (level BETWEEN 1 AND 3),
	CONSTRAINT ck_commission_amount CHECK (amount > 0),
	CONSTRAINT ck_commission_reversed CHECK (reversed BETWEEN 0 AND amount),
	CONSTRAINT fk_commission_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id),
	CONSTRAINT fk_commission_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)
 STRICT

CREATE INDEX ix_commission_member_id_earned_at ON commission (member_id, earned_at, order_id)

CREATE INDEX ix_commission_open ON commission (member_id) WHERE settled_as_of IS NULL

CREATE INDEX ix_commission_settle ON commission (member_id, settle_at) WHERE settle_at IS NOT NULL

CREATE TABLE binding (
	order_id INTEGER NOT NULL,
	buyer_id TEXT NOT NULL,
	member_id INTEGER NOT NULL,
	bound_at INTEGER NOT NULL,
	CONSTRAINT pk_binding PRIMARY KEY (order_id),
	CONSTRAINT fk_binding_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id),
	CONSTRAINT fk_binding_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)
 STRICT

CREATE INDEX ix_binding_buyer_id_bound_at ON binding (buyer_id, bound_at)

CREATE TABLE refund (
	order_id INTEGER NOT NULL,
	refund_id TEXT NOT NULL,
	at INTEGER NOT NULL,
	items TEXT NOT NULL,
	CONSTRAINT pk_refund PRIMARY KEY (order_id, refund_id),
	CONSTRAINT fk_refund_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id)
)
 STRICT

CREATE TABLE parcel (
	order_id INTEGER NOT NULL,
	carrier TEXT NOT NULL,
	tracking_number TEXT NOT NULL,
	warehouse TEXT,
	items TEXT,
	shipped_at INTEGER NOT NULL,
	CONSTRAINT pk_parcel PRIMARY KEY (order_id, carrier, tracking_number),
	CONSTRAINT fk_parcel_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id)
)
 STRICT

CREATE TABLE order_case (
	order_id INTEGER NOT NULL,
	case_id TEXT NOT NULL,
	opened_at INTEGER,
	closed_at INTEGER,
	CONSTRAINT pk_order_case PRIMARY KEY (order_id, case_id),
	CONSTRAINT fk_order_case_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id)
)
 STRICT
