CREATE INDEX ix_inbox_open ON inbox (channel, id) WHERE answer_state IN ('waiting', 'sending')
