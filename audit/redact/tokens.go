package redact

// uuidForm is a UUID (RFC 9562), whatever its version.
const uuidForm = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`

// tokenRules know tokens by their own shape. Each says whose they are; the
// prefixes are documented by their makers.
func tokenRules() []rule {
	return []rule{
		// AWS: ids of access keys. Not secret alone, but they name the account and come in pairs with what is.
		notIn("EXAMPLE", shape("aws-access-key", "akia asia abia acca", `\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})\b`)),
		// AWS: 40 characters of base64 after a name that says so; they have no prefix.
		shape("aws-secret-key", "aws secretaccesskey secret_access_key", `(?i)(?:aws|secret_?access_?key).{0,40}?[=:"'\s]([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|$)`),
		// AWS: session tokens begin with the encoding of their version.
		shape("aws-session-token", "iqojb3jpz2lu fwogzxivyxdz fqogzxivyxdz", `\b((?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[A-Za-z0-9/+=_-]{50,})`),
		// AWS Bedrock API keys.
		shape("aws-bedrock-key", "absk bedrock-api-key-", `\b(ABSK[A-Za-z0-9+/]{60,}={0,2}|bedrock-api-key-[A-Za-z0-9+/=_-]{20,})`),
		// Azure: storage, Service Bus and IoT keys in connection strings.
		shape("azure-account-key", "accountkey sharedaccesskey sharedaccesssignature", `(?i)\b(?:AccountKey|SharedAccessKey|SharedAccessSignature)\s*=\s*([A-Za-z0-9+/=%_-]{20,}(?:&[a-z]{2,3}=[A-Za-z0-9%:.+/=-]+)*)`),
		// Azure: signatures of shared access URLs.
		shape("azure-sas", "sig=", `(?i)[?&]sig=([A-Za-z0-9%/+_-]{20,}(?:=|%3D){0,2})`),
		// Signatures of URLs that let anybody in who has them: AWS, Google, CloudFront.
		shape("url-signature", "signature=", `(?i)[?&](?:X-Amz-Signature|X-Goog-Signature|Signature)=([A-Za-z0-9%~_-]{20,})`),
		// GitHub: personal, OAuth, app, refresh tokens and fine-grained ones.
		shape("github-token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", `((?:gh[pousr]_[A-Za-z0-9]{30,255})|github_pat_[A-Za-z0-9_]{36,255})`),
		// GitLab: every token type has a gl prefix.
		notWords(shape("gitlab-token", "glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glimt- glagent- gloas- glsoat- glffct- glwt- gr1348941", `\b((?:glpat|gldt|glrtr?|glcbt|glptt|glft|glimt|glagent|gloas|glsoat|glffct|glwt)-[A-Za-z0-9_.=-]{15,}|GR1348941[A-Za-z0-9_-]{20,})`)),
		// Slack: bot, user, app, workflow and refresh tokens, and webhook addresses, which are all it takes to post.
		shape("slack-token", "xoxb- xoxp- xoxa- xoxo- xoxs- xoxr- xoxe xapp-", `(?i)\b((?:xox[bpaosr]-|xoxe[.-](?:xox[bp]-)?|xapp-)[0-9][A-Za-z0-9.-]{9,})`),
		shape("slack-webhook", "hooks.slack.com", `((?:https?://)?hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_+-]{10,})`),
		// Microsoft Teams and Discord: webhook addresses.
		shape("chat-webhook", "webhook.office.com outlook.office.com/webhook hooks. chat.googleapis.com discord.com/api/webhooks discordapp.com/api/webhooks", `(?i)(https://[a-z0-9.-]*office\.com/webhook[a-z0-9]*/[^\s"']{40,}|https://(?:\w+\.)?discord(?:app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]{30,}|https://(?:hooks|chat)\.[a-z0-9.-]+/(?:hooks|services|v1/spaces)/[A-Za-z0-9/_-]{24,})`),
		// Stripe: secret, restricted and webhook keys; pk_ is public.
		shape("stripe-key", "sk_live sk_test sk_prod rk_live rk_test rk_prod whsec_", `\b((?:[sr]k_(?:live|test|prod)_|whsec_)[A-Za-z0-9]{10,})`),
		// Google: OAuth client secrets, access and refresh tokens.
		shape("google-oauth", "gocspx- ya29. 1//0", `((?:GOCSPX-[A-Za-z0-9_-]{20,})|\bya29\.[A-Za-z0-9_-]{20,}|\b1//0[A-Za-z0-9_-]{30,})`),
		// Package registries: npm, PyPI, RubyGems, Docker Hub, crates.io, NuGet.
		shape("npm-token", "npm_ _authtoken", `\b(npm_[A-Za-z0-9]{30,})`),
		shape("pypi-token", "pypi-", `(pypi-AgE[A-Za-z0-9_-]{40,})`),
		shape("registry-token", "rubygems_ dckr_ ciokey oy2", `\b(rubygems_[a-f0-9]{40,}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}|oy2[a-z0-9]{43})\b`),
		// OpenAI, Anthropic and others that took over their form.
		notWords(shape("ai-key", "sk-", `(?:\b|_)(sk-(?:ant|proj|svcacct|admin|or)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{20,})`)),
		shape("ai-key", "hf_ api_org_ gsk_ xai- pplx- r8_ nvapi-", `(?:\b|_)((?:hf_|api_org_)[A-Za-z]{34}\b|gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{60,}|pplx-[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{37}|nvapi-[A-Za-z0-9_-]{50,})`),
		// Mail: SendGrid, Mailgun, Mailchimp, Brevo.
		shape("sendgrid-key", "sg.", `(SG\.[A-Za-z0-9_=-]{16,64}\.[A-Za-z0-9_=-]{16,64})`),
		shape("mail-key", "key- -us xkeysib-", `\b(key-[a-f0-9]{32}|[a-f0-9]{32}-us[0-9]{1,2}|xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16})\b`),
		// Twilio: API key ids and account ids with their type as prefix.
		shape("twilio-key", "sk", `\b(SK[a-f0-9]{32})\b`),
		// HashiCorp: Vault service, batch and recovery tokens, Terraform Cloud.
		shape("vault-token", "hvs. hvb. hvr. .atlasv1.", `\b(hv[sbr]\.[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,})`),
		// age: the private half; age1… is public.
		shape("age-key", "age-secret-key-", `(?i)(AGE-SECRET-KEY-1[0-9A-Z]{40,})`),
		jwtRule(),
		// OpenShift access tokens.
		shape("openshift-token", "sha256~", `(sha256~[A-Za-z0-9_-]{43})`),
		// Kubernetes bootstrap tokens.
		shape("bootstrap-token", "token join", `(?i)token\S*[\s"']+([a-z0-9]{6}\.[a-z0-9]{16})\b`),
		// Clouds and services whose tokens begin with their name.
		shape("cloud-token", "doo_v1_ dop_v1_ dor_v1_ dapi hrku- fo1_ fm1 fm2_ dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit. tskey- cfat_ cfut_ cfk_ live_ aio_ jqqj99 azdo :aa jina_ lin_api_ pul- eyjrij ntn_ secret_ ops_ey",
			`(?:\b|_)(do[opr]_v1_[a-f0-9]{64}|dapi[A-Fa-f0-9]{32}(?:-\d)?|HRKU-[A-Za-z0-9_-]{30,}|fo1_[A-Za-z0-9_-]{43}|fm[12][ar]?_[A-Za-z0-9+/=,_-]{80,}|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{20,}|tskey-[a-z]+-[A-Za-z0-9-]{20,}|lin_api_[A-Za-z0-9]{40}|pul-[a-f0-9]{40}|ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}|cf(?:at|ut|k)_[A-Za-z0-9]{40,}|live_[0-9]{6,}_[A-Za-z0-9]{20,}|aio_[A-Za-z0-9]{28}|[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{26}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}|[0-9]{8,10}:AA[A-Za-z0-9_-]{33}|jina_[A-Za-z0-9_-]{40,}|ops_eyJ[A-Za-z0-9+/=]{50,})`),
		shape("service-token", "shpat_ shpca_ shppa_ shpss_ sntrys_ sntryu_ sq0 nrak- nrjs- nrii- nriq- glsa_ glc_ phx_ pnu_ pscale_ sgp_ ghsr akcp cmvm dt0 figd_ lin_oauth api- vcp_ vci_ vca_ vcr_ vck_ eaa flwseck ezak eztk shippo_ sm_aat_ sm_pat_ sm_sat_ rdme_ dsapi- atatt3 atbb ctatt3 duffel_ frame. sqp_ squ_ sqa_ wakatime",
			`(?:\b|_)(shp(?:at|ca|pa|ss)_[A-Za-z0-9]{32}|sntry[su]_[A-Za-z0-9+/=_-]{40,}|sq0[a-z]{3}-[A-Za-z0-9_-]{22,}|NR(?:AK|JS|II|IQ)-[A-Za-z0-9_-]{19,}|gls?[ac]_[A-Za-z0-9+/=_]{30,}|phx_[A-Za-z0-9]{40,}|pnu_[A-Za-z0-9]{36}|pscale_[a-z]+_[A-Za-z0-9=._-]{30,}|sgp_[A-Za-z0-9_]{40,}|AKCp[A-Za-z0-9]{40,}|dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}|figd_[A-Za-z0-9_-]{30,}|vc[piark]_[A-Za-z0-9]{40,}|EAA[A-Za-z0-9]{40,}|FLW(?:SECK|PUBK)_TEST-[A-Za-z0-9-]{12,}|EZ[AT]K[A-Za-z0-9]{54}|shippo_(?:live|test)_[a-f0-9]{40}|sm_(?:aat|pat|sat)_[A-Za-z0-9]{16,}|rdme_[a-z0-9]{70}|(?:ATATT3|CTATT3|ATBB)[A-Za-z0-9_=-]{24,}|duffel_(?:test|live)_[A-Za-z0-9_-]{40,}|sq[pua]_[a-f0-9]{40})`),
		// The same, where the token is all small letters and digits, or short.
		shape("service-token", "sbp_ sb_secret_ nfp_ rnd_ lsv2_ tvly- pcsk_ re_ bkua_ ccipat_ cciprj_ akid do00 hcaik_ atta rzp_live_ rzp_test_ access-production- access-sandbox- access_token$ cfpat- napi_ dbtc_ dbtu_ ory_ wpl_ap1 vk1.a. sl. cio xsmtpsib- pat-na1- pat-eu1- px- odt_",
			`(?:\b|_)(sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,}|nfp_[A-Za-z0-9]{36}|rnd_[A-Za-z0-9]{24,}|lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{8,}|tvly-[A-Za-z0-9-]{28,}|pcsk_[A-Za-z0-9_]{40,}|re_[A-Za-z0-9]{6,10}_[A-Za-z0-9]{20,}|bkua_[a-f0-9]{40}|CCIP(?:AT|RJ)_[A-Za-z0-9]{20,}_[a-f0-9]{40}|AKID[A-Za-z0-9]{32}|DO00[A-Z0-9]{16}|hcaik_[a-z0-9]{20,}|ATTA[a-f0-9]{60,}|rzp_(?:live|test)_[A-Za-z0-9]{14,}|access-(?:production|sandbox)-[a-f0-9-]{36}|access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[a-f0-9]{32}|CFPAT-[A-Za-z0-9_-]{43}|napi_[a-z0-9]{40,}|dbt[cu]_[A-Za-z0-9_-]{30,}|ory_(?:at|rt|ac|pat|apikey|st)_[A-Za-z0-9_.-]{30,}|WPL_AP1\.[A-Za-z0-9._-]{10,}={0,2}|vk1\.a\.[A-Za-z0-9_-]{60,}|sl\.[A-Za-z0-9_-]{100,}|cio[A-Za-z0-9]{32}|xsmtpsib-[a-f0-9]{64}-[A-Za-z0-9]{16}|pat-(?:na|eu)\d-[a-f0-9-]{36}|px-(?:dep|api)-[a-z0-9-]{36}|odt_[A-Za-z0-9]{28,})`),
		// Tailscale, glued to a digit: there is no edge of a word.
		shape("cloud-token", "tskey-", `[0-9](tskey-[a-z]+-[A-Za-z0-9-]{20,})`),
		// Tokens without a form of their own, known by the name of their maker: Postmark, Code Climate, ThingsBoard.
		shape("service-token", "postmark", `(?i)postmark[\w.-]{0,30}\\*["']?\s*(?:=>|:=|[:=])\s*\\*["']?(`+uuidForm+`)\b`),
		shape("service-token", "reporter_id", `(?i)\bcc_test_reporter_id\\*["']?\s*[:=]\s*\\*["']?([a-f0-9]{64})\b`),
		shape("service-token", "thingsboard", `thingsboard[\w.:-]*/api/v1/([A-Za-z0-9]{20})/`),
		// Azure: the application and the directory, beside which a client secret is sought.
		shape(ruleAzure, "client_id clientid client-id tenant_id tenantid tenant-id", `(?i)\b(?:azure|arm|aad|ad)[_.-]?(?:client|tenant)[_.-]?id\\*["']?\s*[:=]\s*\\*["']?(`+uuidForm+`)\b`),
		// Discord: the id of the account, the time, the signature. Telegram: the id of the bot and the secret.
		shape("chat-token", "discord bot_token telegr :aa", `\b([MNO][A-Za-z0-9]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}|[0-9]{8,10}:AA[A-Za-z0-9_-]{32,36})\b`),
		// Salesforce: the organisation's id, an exclamation mark, the session.
		shape("session-id", "!a", `\b(00D[A-Za-z0-9]{12,15}!A[A-Za-z0-9_.]{60,})`),
		// New Relic: licence keys end with their region's mark.
		shape("license-key", "nral ffff", `(?i)\b([a-z0-9]{32,36}(?:NRAL|FFFFNRAL))\b`),
		// Rancher: the name of the token and the token.
		shape("rancher-token", "token- kubeconfig-", `\b((?:token-[a-z0-9]{5}|kubeconfig-[a-z0-9.-]{5,40}):[a-z0-9]{54})\b`),
		// Twitter and others: bearer tokens that begin with zeroes.
		shape("bearer-token", "aaaaaaaaaaaaaaaaaa", `\b(A{18,24}[A-Za-z0-9%]{60,})`),
	}
}
