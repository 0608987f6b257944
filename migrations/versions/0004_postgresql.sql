CREATE TABLE holiday (
	day DATE NOT NULL,
	name TEXT NOT NULL,
	name_en TEXT NOT NULL,
	CONSTRAINT pk_holiday PRIMARY KEY (day)
)

CREATE TABLE rest_day (
	member_id BIGINT NOT NULL,
	weekday BIGINT NOT NULL,
	CONSTRAINT pk_rest_day PRIMARY KEY (member_id, weekday),
	CONSTRAINT ck_rest_day_weekday CHECK (weekday BETWEEN 1 AND 7),
	CONSTRAINT fk_rest_day_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)

CREATE TABLE leave (
	member_id BIGINT NOT NULL,
	first_day DATE NOT NULL,
	last_day DATE NOT NULL,
	CONSTRAINT pk_leave PRIMARY KEY (member_id, first_day),
	CONSTRAINT ck_leave_order CHECK (first_day <= last_day),
	CONSTRAINT fk_leave_member_id_member FOREIGN KEY(member_id) REFERENCES member (id)
)

ALTER TABLE task_template ADD COLUMN lowest BIGINT

ALTER TABLE task_template ADD COLUMN highest BIGINT

ALTER TABLE task_template ADD COLUMN weekdays TEXT

ALTER TABLE task_template ADD COLUMN first_day DATE

ALTER TABLE task_template ADD COLUMN last_day DATE

ALTER TABLE task ADD COLUMN reason TEXT

ALTER TABLE task ADD COLUMN suggested_id BIGINT

ALTER TABLE outbox ADD COLUMN picture TEXT

UPDATE task_template SET title = '带来 # 位访客', title_en = 'Bring # visitors', lowest = 2, highest = 50
WHERE code = 'visitors_5' AND title = '带来 5 位访客'

UPDATE task_template SET title = '带来 # 位访客', title_en = 'Bring # visitors', lowest = 3, highest = 200
WHERE code = 'visitors_20' AND title = '带来 20 位访客'

UPDATE task_template SET title = '成交 # 单', title_en = 'Orders sold today: #', lowest = 1, highest = 20
WHERE code = 'sale' AND title = '成交一单'
