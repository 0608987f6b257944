ALTER TABLE member ADD COLUMN first_channel TEXT

ALTER TABLE member ADD COLUMN quiet_from BIGINT

ALTER TABLE member ADD COLUMN quiet_to BIGINT

CREATE TABLE channel_code (
	member_id BIGINT NOT NULL,
	contact_id BIGINT NOT NULL,
	hash TEXT NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_channel_code PRIMARY KEY (member_id),
	CONSTRAINT fk_channel_code_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT fk_channel_code_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id),
	CONSTRAINT uq_channel_code_hash UNIQUE (hash)
)

CREATE TABLE wrong_code (
	contact_id BIGINT NOT NULL,
	tries BIGINT NOT NULL,
	since TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_wrong_code PRIMARY KEY (contact_id),
	CONSTRAINT fk_wrong_code_contact_id_contact FOREIGN KEY(contact_id) REFERENCES contact (id)
)
