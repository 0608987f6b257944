ALTER TABLE announcement ADD COLUMN text_en TEXT
