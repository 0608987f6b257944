CREATE TABLE account (
	id BIGSERIAL NOT NULL,
	kind TEXT NOT NULL,
	member_id BIGINT NOT NULL,
	currency TEXT NOT NULL,
	balance BIGINT NOT NULL,
	CONSTRAINT pk_account PRIMARY KEY (id),
	CONSTRAINT uq_account_kind_member_id_currency UNIQUE (kind, member_id, currency)
)

CREATE INDEX ix_account_member_id ON account (member_id)

CREATE TABLE entry (
	id BIGSERIAL NOT NULL,
	key TEXT NOT NULL,
	kind TEXT NOT NULL,
	cause TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_entry PRIMARY KEY (id),
	CONSTRAINT uq_entry_key UNIQUE (key)
)

CREATE INDEX ix_entry_at ON entry (at)

CREATE OR REPLACE FUNCTION rows_never_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% rows never change', TG_TABLE_NAME; END $$

CREATE TRIGGER entry_no_update BEFORE UPDATE OR DELETE ON entry FOR EACH ROW EXECUTE FUNCTION rows_never_change()

CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION rows_never_change()

CREATE TABLE brand (
	id BIGSERIAL NOT NULL,
	name TEXT NOT NULL,
	name_en TEXT,
	region TEXT,
	story TEXT,
	story_en TEXT,
	CONSTRAINT pk_brand PRIMARY KEY (id),
	CONSTRAINT uq_brand_name UNIQUE (name)
)

CREATE TABLE product (
	id BIGSERIAL NOT NULL,
	sku TEXT NOT NULL,
	name TEXT NOT NULL,
	name_en TEXT,
	brand TEXT,
	category TEXT,
	region TEXT,
	price BIGINT NOT NULL,
	cost BIGINT,
	currency TEXT NOT NULL,
	on_shelf BOOLEAN NOT NULL,
	hot BOOLEAN NOT NULL,
	floor_price BIGINT,
	image_url TEXT,
	selling_points TEXT,
	selling_points_en TEXT,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_product PRIMARY KEY (id),
	CONSTRAINT ck_product_price CHECK (price >= 0),
	CONSTRAINT ck_product_cost CHECK (cost >= 0),
	CONSTRAINT ck_product_floor_price CHECK (floor_price >= 0),
	CONSTRAINT uq_product_sku UNIQUE (sku)
)

CREATE INDEX ix_product_brand ON product (brand)

CREATE INDEX ix_product_category ON product (category)

CREATE INDEX ix_product_on_shelf_hot ON product (on_shelf, hot, id)

CREATE TABLE currency_rate (
	currency TEXT NOT NULL,
	from_at TIMESTAMP WITH TIME ZONE NOT NULL,
	rate TEXT NOT NULL,
	CONSTRAINT pk_currency_rate PRIMARY KEY (currency, from_at)
)

CREATE TABLE visit (
	id BIGSERIAL NOT NULL,
	link_id BIGINT NOT NULL,
	member_id BIGINT NOT NULL,
	day DATE NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	visitor BIGINT NOT NULL,
	ip BIGINT NOT NULL,
	bot BOOLEAN NOT NULL,
	CONSTRAINT pk_visit PRIMARY KEY (id)
)

CREATE INDEX ix_visit_day ON visit (day)

CREATE INDEX ix_visit_member_id_day ON visit (member_id, day)

CREATE TABLE visit_day (
	member_id BIGINT NOT NULL,
	day DATE NOT NULL,
	link_id BIGINT NOT NULL,
	visits BIGINT NOT NULL,
	visitors BIGINT NOT NULL,
	ips BIGINT NOT NULL,
	CONSTRAINT pk_visit_day PRIMARY KEY (member_id, day, link_id)
)

CREATE TABLE day_salt (
	day DATE NOT NULL,
	salt TEXT NOT NULL,
	CONSTRAINT pk_day_salt PRIMARY KEY (day)
)

CREATE TABLE announcement (
	id BIGSERIAL NOT NULL,
	text TEXT NOT NULL,
	audience TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	state TEXT NOT NULL,
	reached_id BIGINT NOT NULL,
	left_out BIGINT NOT NULL,
	created_by TEXT NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	finished_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_announcement PRIMARY KEY (id),
	CONSTRAINT ck_announcement_state CHECK (state IN ('scheduled', 'queueing', 'queued', 'cancelled'))
)

CREATE TABLE member (
	id BIGSERIAL NOT NULL,
	member_id TEXT NOT NULL,
	name TEXT NOT NULL,
	role TEXT NOT NULL,
	status TEXT NOT NULL,
	operator BOOLEAN NOT NULL,
	sponsor_id BIGINT,
	sponsor2_id BIGINT,
	sponsor3_id BIGINT,
	mode TEXT NOT NULL,
	class TEXT NOT NULL,
	class_scope TEXT,
	split_bp TEXT,
	tier TEXT,
	buyer_id TEXT,
	locale TEXT,
	joined_at TIMESTAMP WITH TIME ZONE NOT NULL,
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

CREATE INDEX ix_member_sponsor2_id ON member (sponsor2_id, id)

CREATE INDEX ix_member_sponsor3_id ON member (sponsor3_id, id)

CREATE INDEX ix_member_sponsor_id ON member (sponsor_id, id)

CREATE TABLE plan_version (
	id BIGSERIAL NOT NULL,
	effective_from TIMESTAMP WITH TIME ZONE NOT NULL,
	name TEXT NOT NULL,
	source TEXT NOT NULL,
	published_at TIMESTAMP WITH TIME ZONE NOT NULL,
	published_by TEXT NOT NULL,
	accepted_guard BOOLEAN NOT NULL,
	CONSTRAINT pk_plan_version PRIMARY KEY (id)
)

CREATE INDEX ix_plan_version_effective_from ON plan_version (effective_from)

CREATE TABLE order_event (
	id BIGSERIAL NOT NULL,
	webhook_id TEXT NOT NULL,
	type TEXT NOT NULL,
	order_id TEXT NOT NULL,
	fact TEXT,
	data TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	status TEXT NOT NULL,
	reasons TEXT,
	received_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_order_event PRIMARY KEY (id),
	CONSTRAINT ck_order_event_status CHECK (status IN ('applied', 'duplicate', 'waiting', 'unapplied', 'refused', 'retried'))
)

CREATE INDEX ix_order_event_order_id ON order_event (order_id)

CREATE INDEX ix_order_event_refused ON order_event (webhook_id) WHERE status IN ('refused', 'unapplied')

CREATE UNIQUE INDEX uq_order_event_webhook_id ON order_event (webhook_id) WHERE status IN ('applied', 'duplicate', 'waiting', 'unapplied')

CREATE TABLE task_template (
	id BIGSERIAL NOT NULL,
	code TEXT NOT NULL,
	title TEXT NOT NULL,
	title_en TEXT NOT NULL,
	audience TEXT NOT NULL,
	"check" TEXT NOT NULL,
	target BIGINT NOT NULL,
	points BIGINT NOT NULL,
	active BOOLEAN NOT NULL,
	CONSTRAINT pk_task_template PRIMARY KEY (id),
	CONSTRAINT uq_task_template_code UNIQUE (code)
)

CREATE TABLE job_run (
	id BIGSERIAL NOT NULL,
	job TEXT NOT NULL,
	period TEXT NOT NULL,
	state TEXT NOT NULL,
	attempts BIGINT NOT NULL,
	started_at TIMESTAMP WITH TIME ZONE NOT NULL,
	lease_until TIMESTAMP WITH TIME ZONE,
	finished_at TIMESTAMP WITH TIME ZONE,
	result TEXT,
	error TEXT,
	CONSTRAINT pk_job_run PRIMARY KEY (id),
	CONSTRAINT uq_job_run_job_period UNIQUE (job, period),
	CONSTRAINT ck_job_run_state CHECK (state IN ('running', 'done', 'failed', 'missed'))
)

CREATE TABLE audit_row (
	id BIGSERIAL NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	actor TEXT NOT NULL,
	action TEXT NOT NULL,
	subject TEXT NOT NULL,
	before TEXT,
	after TEXT,
	CONSTRAINT pk_audit_row PRIMARY KEY (id)
)

CREATE OR REPLACE FUNCTION rows_never_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% rows never change', TG_TABLE_NAME; END $$

CREATE TRIGGER audit_row_no_update BEFORE UPDATE OR DELETE ON audit_row FOR EACH ROW EXECUTE FUNCTION rows_never_change()

CREATE TRIGGER audit_row_no_truncate BEFORE TRUNCATE ON audit_row FOR EACH STATEMENT EXECUTE FUNCTION rows_never_change()

CREATE TABLE alert (
	id BIGSERIAL NOT NULL,
	key TEXT NOT NULL,
	text_key TEXT NOT NULL,
	params TEXT NOT NULL,
	raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
	cleared_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_alert PRIMARY KEY (id)
)

CREATE UNIQUE INDEX uq_alert_open ON alert (key) WHERE cleared_at IS NULL

CREATE TABLE api_key (
	id BIGSERIAL NOT NULL,
	name TEXT NOT NULL,
	hash TEXT NOT NULL,
	scope TEXT NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_api_key PRIMARY KEY (id),
	CONSTRAINT ck_api_key_scope CHECK (scope IN ('read', 'write')),
	CONSTRAINT uq_api_key_name UNIQUE (name),
	CONSTRAINT uq_api_key_hash UNIQUE (hash)
)

CREATE TABLE fact (
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	CONSTRAINT pk_fact PRIMARY KEY (name)
)

CREATE TABLE posting (
	entry_id BIGINT NOT NULL,
	account_id BIGINT NOT NULL,
	amount BIGINT NOT NULL,
	CONSTRAINT pk_posting PRIMARY KEY (entry_id, account_id),
	CONSTRAINT ck_posting_amount CHECK (amount <> 0),
	CONSTRAINT fk_posting_entry_id_entry FOREIGN KEY(entry_id) REFERENCES entry (id),
	CONSTRAINT fk_posting_account_id_account FOREIGN KEY(account_id) REFERENCES account (id)
)

CREATE INDEX ix_posting_account_id ON posting (account_id)

CREATE OR REPLACE FUNCTION rows_never_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% rows never change', TG_TABLE_NAME; END $$

CREATE TRIGGER posting_no_update BEFORE UPDATE OR DELETE ON posting FOR EACH ROW EXECUTE FUNCTION rows_never_change()

CREATE TRIGGER posting_no_truncate BEFORE TRUNCATE ON posting FOR EACH STATEMENT EXECUTE FUNCTION rows_never_change()

CREATE TABLE product_text (
	product_id BIGINT NOT NULL,
	body TEXT NOT NULL,
	tokens TEXT NOT NULL,
	CONSTRAINT pk_product_text PRIMARY KEY (product_id),
	CONSTRAINT fk_product_text_product_id_product FOREIGN KEY(product_id) REFERENCES product (id)
)

CREATE INDEX ix_product_text_tokens ON product_text USING gin ((array_to_tsvector(string_to_array(tokens, ' ')))) WITH (fastupdate = off)

CREATE TABLE stock (
	product_id BIGINT NOT NULL,
	warehouse TEXT NOT NULL,
	quantity BIGINT NOT NULL,
	CONSTRAINT pk_stock PRIMARY KEY (product_id, warehouse),
	CONSTRAINT ck_stock_quantity CHECK (quantity >= 0),
	CONSTRAINT fk_stock_product_id_product FOREIGN KEY(product_id) REFERENCES product (id)
)

CREATE TABLE picked_product (
	member_id BIGINT NOT NULL,
	product_id BIGINT NOT NULL,
	picked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_picked_product PRIMARY KEY (member_id, product_id),
	CONSTRAINT fk_picked_product_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_picked_product_product_id_product FOREIGN KEY(product_id) REFERENCES product (id)
)

CREATE TABLE link (
	id BIGSERIAL NOT NULL,
	code TEXT NOT NULL,
	member_id BIGINT,
	kind TEXT NOT NULL,
	target TEXT NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_link PRIMARY KEY (id),
	CONSTRAINT uq_link_member_id_kind_target UNIQUE (member_id, kind, target),
	CONSTRAINT ck_link_kind CHECK (kind IN ('product', 'brand', 'campaign', 'shop', 'invite', 'order')),
	CONSTRAINT uq_link_code UNIQUE (code),
	CONSTRAINT fk_link_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE UNIQUE INDEX uq_link_of_nobody ON link (kind, target) WHERE member_id IS NULL

CREATE TABLE contact (
	id BIGSERIAL NOT NULL,
	channel TEXT NOT NULL,
	account TEXT NOT NULL,
	member_id BIGINT,
	name TEXT NOT NULL,
	locale TEXT,
	state TEXT,
	first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
	seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
	unreachable_since TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_contact PRIMARY KEY (id),
	CONSTRAINT uq_contact_channel_account UNIQUE (channel, account),
	CONSTRAINT fk_contact_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_contact_member_id ON contact (member_id)

CREATE TABLE mute (
	member_id BIGINT NOT NULL,
	category TEXT NOT NULL,
	CONSTRAINT pk_mute PRIMARY KEY (member_id, category),
	CONSTRAINT fk_mute_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE TABLE orders (
	id BIGSERIAL NOT NULL,
	order_id TEXT NOT NULL,
	buyer_id TEXT,
	ref TEXT,
	sales_channel TEXT,
	payment TEXT,
	currency TEXT NOT NULL,
	rate TEXT NOT NULL,
	amount BIGINT NOT NULL,
	shipping BIGINT NOT NULL,
	paid_at TIMESTAMP WITH TIME ZONE NOT NULL,
	credited_id BIGINT,
	credit_reason TEXT NOT NULL,
	plan_id BIGINT,
	freeze_days BIGINT NOT NULL,
	decision TEXT NOT NULL,
	decision_reason TEXT,
	decisions BIGINT NOT NULL,
	shipped_at TIMESTAMP WITH TIME ZONE,
	customs_cleared_at TIMESTAMP WITH TIME ZONE,
	delivered_at TIMESTAMP WITH TIME ZONE,
	completed_at TIMESTAMP WITH TIME ZONE,
	due_at TIMESTAMP WITH TIME ZONE,
	cancelled_at TIMESTAMP WITH TIME ZONE,
	recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_orders PRIMARY KEY (id),
	CONSTRAINT ck_orders_decision CHECK (decision IN ('none', 'held', 'released', 'denied')),
	CONSTRAINT uq_orders_order_id UNIQUE (order_id),
	CONSTRAINT fk_orders_credited_id_member FOREIGN KEY(credited_id) REFERENCES member (id),
	CONSTRAINT fk_orders_plan_id_plan_version FOREIGN KEY(plan_id) REFERENCES plan_version (id)
)

CREATE INDEX ix_orders_buyer_id ON orders (buyer_id)

CREATE INDEX ix_orders_credited_id_paid_at ON orders (credited_id, paid_at)

CREATE INDEX ix_orders_paid_at ON orders (paid_at)

CREATE TABLE task (
	id BIGSERIAL NOT NULL,
	member_id BIGINT NOT NULL,
	template_id BIGINT NOT NULL,
	day DATE NOT NULL,
	target BIGINT NOT NULL,
	points BIGINT NOT NULL,
	done_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_task PRIMARY KEY (id),
	CONSTRAINT uq_task_member_id_day_template_id UNIQUE (member_id, day, template_id),
	CONSTRAINT fk_task_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_task_template_id_task_template FOREIGN KEY(template_id) REFERENCES task_template (id)
)

CREATE INDEX ix_task_day ON task (day)

CREATE TABLE inbox (
	id BIGSERIAL NOT NULL,
	channel TEXT NOT NULL,
	update_key TEXT NOT NULL,
	contact_id BIGINT NOT NULL,
	received_at TIMESTAMP WITH TIME ZONE NOT NULL,
	answer TEXT,
	answer_state TEXT NOT NULL,
	CONSTRAINT pk_inbox PRIMARY KEY (id),
	CONSTRAINT uq_inbox_channel_update_key UNIQUE (channel, update_key),
	CONSTRAINT fk_inbox_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id)
)

CREATE TABLE outbox (
	id BIGSERIAL NOT NULL,
	key TEXT NOT NULL,
	member_id BIGINT NOT NULL,
	text_key TEXT NOT NULL,
	params TEXT NOT NULL,
	category TEXT NOT NULL,
	priority BIGINT NOT NULL,
	announcement_id BIGINT,
	state TEXT NOT NULL,
	channel TEXT,
	contact_id BIGINT,
	not_before TIMESTAMP WITH TIME ZONE NOT NULL,
	lease_until TIMESTAMP WITH TIME ZONE,
	attempts BIGINT NOT NULL,
	error TEXT,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	finished_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_outbox PRIMARY KEY (id),
	CONSTRAINT ck_outbox_state CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'unknown', 'cancelled', 'deferred', 'muted')),
	CONSTRAINT ck_outbox_category CHECK (category IN ('system', 'business', 'promotion')),
	CONSTRAINT uq_outbox_key UNIQUE (key),
	CONSTRAINT fk_outbox_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_outbox_announcement_id_announcement FOREIGN KEY(announcement_id) REFERENCES announcement (id),
	CONSTRAINT fk_outbox_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id)
)

CREATE INDEX ix_outbox_announcement_id_state ON outbox (announcement_id, state)

CREATE INDEX ix_outbox_kept ON outbox (member_id, id) WHERE state = 'deferred'

CREATE INDEX ix_outbox_member_id ON outbox (member_id, id)

CREATE INDEX ix_outbox_under_way ON outbox (contact_id) WHERE (state = 'sending' OR (state = 'queued' AND attempts > 0))

CREATE INDEX ix_outbox_unknown ON outbox (id) WHERE state = 'unknown'

CREATE INDEX ix_outbox_waiting ON outbox (channel, priority, id) WHERE state = 'queued'

CREATE TABLE chat_message (
	id BIGSERIAL NOT NULL,
	contact_id BIGINT NOT NULL,
	outgoing BOOLEAN NOT NULL,
	body TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_chat_message PRIMARY KEY (id),
	CONSTRAINT fk_chat_message_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id)
)

CREATE INDEX ix_chat_message_contact_id_id ON chat_message (contact_id, id)

CREATE TABLE order_line (
	order_id BIGINT NOT NULL,
	line BIGINT NOT NULL,
	sku TEXT NOT NULL,
	quantity BIGINT NOT NULL,
	amount BIGINT NOT NULL,
	refunded_quantity BIGINT NOT NULL,
	refunded_amount BIGINT NOT NULL,
	captured TEXT,
	trace TEXT,
	CONSTRAINT pk_order_line PRIMARY KEY (order_id, line),
	CONSTRAINT ck_order_line_refunded_amount CHECK (refunded_amount >= 0 AND refunded_amount <= amount),
	CONSTRAINT ck_order_line_refunded_quantity CHECK (refunded_quantity >= 0 AND refunded_quantity <= quantity),
	CONSTRAINT fk_order_line_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id)
)

CREATE TABLE commission (
	id BIGSERIAL NOT NULL,
	order_id BIGINT NOT NULL,
	line BIGINT NOT NULL,
	level BIGINT NOT NULL,
	member_id BIGINT NOT NULL,
	base BIGINT NOT NULL,
	rate_bp BIGINT NOT NULL,
	amount BIGINT NOT NULL,
	reversed BIGINT NOT NULL,
	earned_at TIMESTAMP WITH TIME ZONE NOT NULL,
	settle_at TIMESTAMP WITH TIME ZONE,
	settled_as_of TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_commission PRIMARY KEY (id),
	CONSTRAINT uq_commission_order_id_line_level UNIQUE (order_id, line, level),
	CONSTRAINT ck_commission_level CHECK (level BETWEEN 1 AND 3),
	CONSTRAINT ck_commission_amount CHECK (amount > 0),
	CONSTRAINT ck_commission_reversed CHECK (reversed BETWEEN 0 AND amount),
	CONSTRAINT fk_commission_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id),
	CONSTRAINT fk_commission_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_commission_member_id_earned_at ON commission (member_id, earned_at, order_id)

CREATE INDEX ix_commission_open ON commission (member_id) WHERE settled_as_of IS NULL

CREATE INDEX ix_commission_settle ON commission (member_id, settle_at) WHERE settle_at IS NOT NULL

CREATE TABLE binding (
	order_id BIGINT NOT NULL,
	buyer_id TEXT NOT NULL,
	member_id BIGINT NOT NULL,
	bound_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_binding PRIMARY KEY (order_id),
	CONSTRAINT fk_binding_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id),
	CONSTRAINT fk_binding_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE INDEX ix_binding_buyer_id_bound_at ON binding (buyer_id, bound_at)

CREATE TABLE refund (
	order_id BIGINT NOT NULL,
	refund_id TEXT NOT NULL,
	at TIMESTAMP WITH TIME ZONE NOT NULL,
	items TEXT NOT NULL,
	CONSTRAINT pk_refund PRIMARY KEY (order_id, refund_id),
	CONSTRAINT fk_refund_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id)
)

CREATE TABLE parcel (
	order_id BIGINT NOT NULL,
	carrier TEXT NOT NULL,
	tracking_number TEXT NOT NULL,
	warehouse TEXT,
	items TEXT,
	shipped_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_parcel PRIMARY KEY (order_id, carrier, tracking_number),
	CONSTRAINT fk_parcel_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id)
)

CREATE TABLE order_case (
	order_id BIGINT NOT NULL,
	case_id TEXT NOT NULL,
	opened_at TIMESTAMP WITH TIME ZONE,
	closed_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_order_case PRIMARY KEY (order_id, case_id),
	CONSTRAINT fk_order_case_order_id_orders FOREIGN KEY(order_id) REFERENCES orders (id)
)
