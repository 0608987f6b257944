ALTER TABLE outbox ADD COLUMN taken INTEGER

CREATE TABLE platform_file (
	account TEXT NOT NULL,
	content_key TEXT NOT NULL,
	file_id TEXT NOT NULL,
	expires_at INTEGER,
	CONSTRAINT pk_platform_file PRIMARY KEY (account, content_key)
)
 STRICT
