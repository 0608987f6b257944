ALTER TABLE outbox ADD COLUMN route TEXT

CREATE TABLE allowance (
	contact_id BIGINT NOT NULL,
	kind TEXT NOT NULL,
	closes_at TIMESTAMP WITH TIME ZONE NOT NULL,
	"left" BIGINT NOT NULL,
	CONSTRAINT pk_allowance PRIMARY KEY (contact_id, kind),
	CONSTRAINT ck_allowance_left CHECK ("left" >= 0),
	CONSTRAINT fk_allowance_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id)
)

CREATE TABLE platform_file (
	account TEXT NOT NULL,
	content_key TEXT NOT NULL,
	file_id TEXT NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_platform_file PRIMARY KEY (account, content_key)
)

CREATE TABLE scene_code (
	account TEXT NOT NULL,
	link_id BIGINT NOT NULL,
	url TEXT NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_scene_code PRIMARY KEY (account, link_id),
	CONSTRAINT fk_scene_code_link_id_link FOREIGN KEY(link_id) REFERENCES link (id)
)

CREATE TABLE mass_send (
	id BIGSERIAL NOT NULL,
	announcement_id BIGINT NOT NULL,
	locale TEXT NOT NULL,
	key TEXT NOT NULL,
	state TEXT NOT NULL,
	recipients BIGINT NOT NULL,
	delivered BIGINT,
	platform_id TEXT,
	error TEXT,
	ordered_by TEXT NOT NULL,
	ordered_at TIMESTAMP WITH TIME ZONE NOT NULL,
	tried_at TIMESTAMP WITH TIME ZONE,
	finished_at TIMESTAMP WITH TIME ZONE,
	CONSTRAINT pk_mass_send PRIMARY KEY (id),
	CONSTRAINT ck_mass_send_state CHECK (state IN ('ordered', 'sending', 'sent', 'failed', 'unknown')),
	CONSTRAINT fk_mass_send_announcement_id_announcement FOREIGN KEY(announcement_id) REFERENCES announcement (id),
	CONSTRAINT uq_mass_send_key UNIQUE (key)
)

CREATE INDEX ix_mass_send_announcement_id ON mass_send (announcement_id)

CREATE INDEX ix_mass_send_open ON mass_send (id) WHERE state IN ('ordered', 'sending')
