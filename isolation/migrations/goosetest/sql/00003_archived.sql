-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE projects ADD COLUMN archived bool NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE projects DROP COLUMN archived;
