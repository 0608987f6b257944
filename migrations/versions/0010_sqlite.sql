ALTER TABLE announcement ADD COLUMN criteria TEXT

ALTER TABLE announcement ADD COLUMN kind TEXT

ALTER TABLE announcement ADD COLUMN urgent INTEGER

ALTER TABLE announcement ADD COLUMN sku TEXT

ALTER TABLE announcement ADD COLUMN resend_of INTEGER

ALTER TABLE announcement ADD COLUMN told_at INTEGER

UPDATE announcement SET told_at = created_at WHERE state IN ('queued', 'cancelled')

CREATE TABLE audience (
	id INTEGER NOT NULL,
	name TEXT NOT NULL,
	criteria TEXT NOT NULL,
	created_by TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	CONSTRAINT pk_audience PRIMARY KEY (id),
	CONSTRAINT uq_audience_name UNIQUE (name)
)
 STRICT

CREATE TABLE member_tag (
	member_id INTEGER NOT NULL,
	tag TEXT NOT NULL,
	CONSTRAINT pk_member_tag PRIMARY KEY (member_id, tag),
	CONSTRAINT fk_member_tag_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)
 STRICT

CREATE INDEX ix_member_tag_tag ON member_tag (tag, member_id)

CREATE TABLE live_screen (
	contact_id INTEGER NOT NULL,
	announcement_id INTEGER NOT NULL,
	message TEXT,
	CONSTRAINT pk_live_screen PRIMARY KEY (contact_id),
	CONSTRAINT fk_live_screen_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id),
	CONSTRAINT fk_live_screen_announcement_id_announcement FOREIGN KEY(announcement_id) REFERENCES announcement (id)
)
 STRICT

CREATE INDEX ix_outbox_later ON outbox (not_before) WHERE channel = 'later' AND state = 'queued'
