CREATE INDEX ix_inbox_open ON inbox (channel, id) WHERE answer_state IN ('waiting', 'sending')

CREATE INDEX ix_job_run_open ON job_run (id) WHERE lease_until IS NOT NULL
