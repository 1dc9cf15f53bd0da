"""The stand-in for Brevo's v3 API. Facts come from https://developers.brevo.com and observed behaviour."""
