CREATE TABLE entry_link (
	member_id INTEGER NOT NULL,
	hash TEXT NOT NULL,
	expires_at INTEGER NOT NULL,
	CONSTRAINT pk_entry_link PRIMARY KEY (member_id),
	CONSTRAINT fk_entry_link_member_id_member FOREIGN KEY(member_id) REFERENCES member (id),
	CONSTRAINT uq_entry_link_hash UNIQUE (hash)
)
 STRICT
