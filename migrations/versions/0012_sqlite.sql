CREATE TABLE used_signature (
	signature TEXT NOT NULL,
	content TEXT NOT NULL,
	used_at INTEGER NOT NULL,
	CONSTRAINT pk_used_signature PRIMARY KEY (signature)
)
 STRICT

CREATE INDEX ix_used_signature_used_at ON used_signature (used_at)
