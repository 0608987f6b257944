ALTER TABLE inbox ADD COLUMN member_id BIGINT

UPDATE inbox SET member_id = (SELECT member_id FROM contact WHERE contact.id = inbox.contact_id) WHERE answer_state IN ('waiting', 'sending')

UPDATE outbox SET key = 'kept_answer:' || substr(key, 8) WHERE key LIKE 'answer:%' AND text_key = 'notice.kept_answer'
