package models

type TenantModel struct {
	TenantID string `gorm:"tenant;not null;index"`
}
