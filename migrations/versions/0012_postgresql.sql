CREATE TABLE used_signature (
	signature TEXT NOT NULL,
	content TEXT NOT NULL,
	used_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_used_signature PRIMARY KEY (signature)
)

CREATE INDEX ix_used_signature_used_at ON used_signature (used_at)
