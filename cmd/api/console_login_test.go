package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/httpapi"
)

func TestALoginTakesTheAPIsTokenAndEnds(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, goodToken)
	_, header := b.see("/executions/find?id=x", http.StatusSeeOther)
	if to := header.Get("Location"); to != "/login?to=%2Fexecutions%2Ffind%3Fid%3Dx" {
		t.Errorf("a stranger is sent to %s", to)
	}
	if text, _ := b.login("wrong-0123456789", http.StatusUnauthorized); !strings.Contains(text, "is not known") || strings.Contains(text, "wrong-0") {
		t.Errorf("a wrong token: %s", text)
	}
	_, header = b.login(goodToken, http.StatusSeeOther, "X-Forwarded-Proto", "http")
	for _, c := range cookiesOf(header) {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.MaxAge != 3600 || c.Secure {
			t.Errorf("cookie %s", c)
		}
	}
	text, _ := b.see("/status", http.StatusOK)
	has(t, text, "token:auditor", "Log out")
	found := formValue.FindStringSubmatch(text)
	b.send(http.MethodPost, "/logout", url.Values{"form": {"x"}}, http.StatusForbidden)
	b.see("/status", http.StatusOK)
	b.send(http.MethodPost, "/logout", url.Values{"form": {found[1]}}, http.StatusSeeOther)
	b.see("/status", http.StatusSeeOther)
	b.see("/status", http.StatusOK, "Authorization", "Bearer "+goodToken)
	b.see("/status", http.StatusUnauthorized, "Authorization", "Bearer wrong-0123456789")
}

func TestALinkFromElsewhereFindsWhoIsLoggedIn(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, goodToken)
	for path, want := range map[string]string{"/status": "0; url=/status", "/?action=a%22b": "0; url=/?action=a%22b"} {
		text, header := b.see(path, http.StatusOK, "Sec-Fetch-Site", "cross-site")
		if header.Get("Refresh") != want || strings.Contains(text, "Quarantine") {
			t.Errorf("%s: %q: %s", path, header.Get("Refresh"), text)
		}
	}
	b.see("/status", http.StatusSeeOther, "Sec-Fetch-Site", "same-origin")
	b.login(goodToken, http.StatusSeeOther)
	_, header := b.see("/status", http.StatusOK, "Sec-Fetch-Site", "cross-site")
	if header.Get("Refresh") != "" {
		t.Error("a page that is shown is loaded again")
	}
}

func TestAFormOfAnotherPageLogsNobodyIn(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, goodToken)
	b.login(goodToken, http.StatusForbidden, "Sec-Fetch-Site", "cross-site")
	b.login(goodToken, http.StatusForbidden, "Origin", "https://elsewhere.example")
	b.send(http.MethodPost, "/login", url.Values{"token": {goodToken}}, http.StatusForbidden)
	b.see("/status", http.StatusSeeOther)
	if _, header := b.login(goodToken, http.StatusSeeOther, "Origin", b.url); header.Get("Location") != "/status" {
		t.Error(header.Get("Location"))
	}
}

func TestACookieIsNoCredentialOfTheAPI(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, goodToken)
	b.login(goodToken, http.StatusSeeOther)
	b.see(httpapi.PathRecords, http.StatusUnauthorized)
	b.send(http.MethodPost, httpapi.PathRecords, url.Values{}, http.StatusUnauthorized)
}

func TestWithTLSBeforeItCookiesTravelEncryptedOnly(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, goodToken)
	_, header := b.see("/login", http.StatusOK, "X-Forwarded-Proto", "https")
	if c := cookiesOf(header); len(c) != 1 || !c[0].Secure || !strings.HasPrefix(c[0].Name, "__Host-") {
		t.Errorf("cookies %v", c)
	}
}
