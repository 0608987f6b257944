ALTER TABLE outbox ADD COLUMN route TEXT

CREATE TABLE allowance (
	contact_id INTEGER NOT NULL,
	kind TEXT NOT NULL,
	closes_at INTEGER NOT NULL,
	"left" INTEGER NOT NULL,
	CONSTRAINT pk_allowance PRIMARY KEY (contact_id, kind),
	CONSTRAINT ck_allowance_left CHECK ("left" >= 0),
	CONSTRAINT fk_allowance_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id)
)
 STRICT

CREATE TABLE platform_file (
	account TEXT NOT NULL,
	content_key TEXT NOT NULL,
	file_id TEXT NOT NULL,
	expires_at INTEGER,
	CONSTRAINT pk_platform_file PRIMARY KEY (account, content_key)
)
 STRICT

CREATE TABLE scene_code (
	account TEXT NOT NULL,
	link_id INTEGER NOT NULL,
	url TEXT NOT NULL,
	expires_at INTEGER,
	CONSTRAINT pk_scene_code PRIMARY KEY (account, link_id),
	CONSTRAINT fk_scene_code_link_id_link FOREIGN KEY(link_id) REFERENCES link (id)
)
 STRICT

CREATE TABLE mass_send (
	id INTEGER NOT NULL,
	announcement_id INTEGER NOT NULL,
	locale TEXT NOT NULL,
	"key" TEXT NOT NULL,
	state TEXT NOT NULL,
	recipients INTEGER NOT NULL,
	delivered INTEGER,
	platform_id TEXT,
	error TEXT,
	ordered_by TEXT NOT NULL,
	ordered_at INTEGER NOT NULL,
	tried_at INTEGER,
	finished_at INTEGER,
	CONSTRAINT pk_mass_send PRIMARY KEY (id),
	CONSTRAINT ck_mass_send_state CHECK (state IN ('ordered', 'sending', 'sent', 'failed', 'unknown')),
	CONSTRAINT fk_mass_send_announcement_id_announcement FOREIGN KEY(announcement_id) REFERENCES announcement (id),
	CONSTRAINT uq_mass_send_key UNIQUE ("key")
)
 STRICT

CREATE INDEX ix_mass_send_announcement_id ON mass_send (announcement_id)

CREATE INDEX ix_mass_send_open ON mass_send (id) WHERE state IN ('ordered', 'sending')
