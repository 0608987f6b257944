ALTER TABLE member ADD COLUMN first_channel TEXT

ALTER TABLE member ADD COLUMN quiet_from INTEGER

ALTER TABLE member ADD COLUMN quiet_to INTEGER

CREATE TABLE channel_code (
	member_id INTEGER NOT NULL,
	contact_id INTEGER NOT NULL,
	hash TEXT NOT NULL,
	expires_at INTEGER NOT NULL,
	CONSTRAINT pk_channel_code PRIMARY KEY (member_id),
	CONSTRAINT fk_channel_code_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_channel_code_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id),
	CONSTRAINT uq_channel_code_hash UNIQUE (hash)
)
 STRICT

CREATE TABLE wrong_code (
	contact_id INTEGER NOT NULL,
	tries INTEGER NOT NULL,
	since INTEGER NOT NULL,
	CONSTRAINT pk_wrong_code PRIMARY KEY (contact_id),
	CONSTRAINT fk_wrong_code_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id)
)
 STRICT
