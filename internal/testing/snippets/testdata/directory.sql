CREATE TABLE gormtenant_tenants (id text PRIMARY KEY);
CREATE TABLE gormtenant_names (name text PRIMARY KEY);
CREATE TABLE gormtenant_domains (domain text);
CREATE TABLE tenant_quota_locks (tenant_id text);
