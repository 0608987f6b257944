CREATE TABLE entry_link (
	member_id BIGINT NOT NULL,
	hash TEXT NOT NULL,
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_entry_link PRIMARY KEY (member_id),
	CONSTRAINT fk_entry_link_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT uq_entry_link_hash UNIQUE (hash)
)
