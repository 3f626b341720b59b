package snippet

import "net/http"

type Membership struct {
	PersonID uint   `gorm:"primaryKey"`
	TenantID string `gorm:"primaryKey;tenant:-"`
}

func personOf(*http.Request) uint { return 0 }
