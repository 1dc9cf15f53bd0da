"""What an address tells about its mailbox. Nothing here asks whether the mailbox exists."""

from __future__ import annotations

import re

from contacts.address_key import email_key
from contacts.models import EmailType

#: Enough to tell an address from other text. The sync checks properly, with email-validator, before it sends.
_ADDRESS = re.compile(r"[^\s@<>\"(),;:]+@(?:[^\s@.<>\"(),;:]+\.)+[^\s@.<>\"(),;:]+")

_GMAIL = frozenset({"gmail.com", "googlemail.com"})

#: Mailboxes that an office reads, not a person, written without separators ("customerservice"): English,
#: German, French, Spanish and Portuguese, Italian, then Dutch, Nordic, Polish and Czech. Words that are also
#: given names (Ola, Dev) are left out.
_ROLE_WORDS = """
    info infos information contact contacts contactus hello hi mail email sales presales support
    help helpdesk service services customerservice customercare customersupport care office
    frontdesk reception admin administrator administration webmaster hostmaster postmaster root
    abuse noc security noreply donotreply mailerdaemon billing invoice invoices accounts accounting
    finance payments orders order booking bookings reservation reservations enquiries enquiry
    inquiries inquiry feedback marketing press media pr news newsletter jobs job career careers hr
    recruiting recruitment legal privacy dpo gdpr compliance team staff hq headquarters shop store
    webshop events event export import purchasing procurement partners partner partnerships general
    it tech technical website web online welcome returns shipping

    kontakt anfrage anfragen verkauf vertrieb einkauf buero büro sekretariat kundenservice
    kundendienst kundenbetreuung buchhaltung rechnung rechnungen bestellung bestellungen bewerbung
    bewerbungen karriere personal presse datenschutz zentrale verwaltung empfang praxis kanzlei post
    poststelle hallo redaktion werkstatt

    accueil bonjour commercial ventes vente achats comptabilite comptabilité facturation commande
    commandes secretariat secrétariat direction recrutement rh communication serviceclient
    serviceclients sav cabinet mairie boutique emploi

    contacto contato informacion información informacao ventas vendas compras comercial
    administracion administración administracao oficina soporte suporte atencion atencionalcliente
    atendimento reservas pedidos facturacion contabilidad prensa empleo rrhh hola geral secretaria
    financeiro tienda loja

    contatti informazioni vendite commerciale ufficio amministrazione segreteria assistenza acquisti
    ordini prenotazioni stampa lavoraconnoi direzione ciao pec

    verkoop inkoop klantenservice administratie receptie vragen kontor salg kundeservice kundtjanst
    forsaljning faktura biuro sprzedaz poczta handlowy obchod objednavky prodej recepce podpora
"""
_ROLES = frozenset(_ROLE_WORDS.split())

#: Those that are also told apart by a place or a team: "info.paris@", "kontakt-berlin@", "sales_uk@". Not the
#: short ones, where the rest may be somebody's name.
_ROLE_BEGINNING_WORDS = """
    info infos contact kontakt contacto contato contatti sales support service office admin accueil
    verkauf vertrieb ventas biuro noreply customer reception reservations booking jobs press presse
    marketing billing team
"""
_ROLE_BEGINNINGS = frozenset(_ROLE_BEGINNING_WORDS.split())
_NO_REPLY = re.compile(r"(?:no|do-?not|ne-?pas)[-_.]?repl(?:y|ies)|ne-?pas-?repondre")

_FREE_DOMAINS = """
    icloud.com me.com mac.com ymail.com rocketmail.com aim.com mail.com email.com proton.me
    protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com fastmail.com
    fastmail.fm hushmail.com zoho.com zohomail.com zohomail.eu hey.com duck.com passport.com msn.com
    inbox.com lycos.com usa.net juno.com comcast.net verizon.net att.net sbcglobal.net bellsouth.net
    cox.net charter.net earthlink.net rogers.com shaw.ca sympatico.ca bigpond.com optusnet.com.au
    btinternet.com btopenworld.com virginmedia.com ntlworld.com blueyonder.co.uk
    talktalk.net tiscali.co.uk rocketmail.co.uk eircom.net web.de t-online.de freenet.de arcor.de
    mail.de posteo.de posteo.net mailbox.org online.de email.de kabelmail.de
    vodafonemail.de magenta.de aon.at chello.at bluewin.ch hispeed.ch sunrise.ch orange.fr
    wanadoo.fr free.fr sfr.fr neuf.fr laposte.net bbox.fr numericable.fr club-internet.fr
    aliceadsl.fr cegetel.net 9online.fr skynet.be telenet.be libero.it virgilio.it tin.it alice.it
    tiscali.it fastwebnet.it inwind.it iol.it telefonica.net terra.es ono.com sapo.pt uol.com.br
    bol.com.br terra.com.br ig.com.br ziggo.nl kpnmail.nl planet.nl xs4all.nl home.nl hetnet.nl
    telia.com online.no wp.pl o2.pl onet.pl onet.eu interia.pl poczta.fm op.pl gazeta.pl tlen.pl
    seznam.cz centrum.cz email.cz volny.cz post.cz azet.sk centrum.sk zoznam.sk freemail.hu
    citromail.hu abv.bg ukr.net i.ua otenet.gr walla.co.il walla.com mail.ru inbox.ru bk.ru list.ru
    internet.ru rambler.ru ya.ru narod.ru qq.com foxmail.com 163.com 126.com yeah.net sina.com
    sina.cn sohu.com 139.com naver.com daum.net hanmail.net nate.com docomo.ne.jp ezweb.ne.jp
    nifty.com rediffmail.com indiatimes.com
"""
_FREE = _GMAIL.union(_FREE_DOMAINS.split())

#: Providers that have one name under many countries: "yahoo.co.uk", "gmx.at", "outlook.com.br".
_FREE_FAMILIES = re.compile(
    r"(?:yahoo|gmx|hotmail|outlook|live|aol|yandex|windowslive)\.(?:(?:com?\.)?[a-z]{2}|com|net|org|info)"
)


def classify_email(email: str | None) -> EmailType:
    """Return what kind of mailbox `email` is; UNKNOWN when it is no address.

    info@ at a free-mail provider is SERVICE: who reads it matters more than where it is kept.
    """
    key = email_key(email)
    if key is None or not _ADDRESS.fullmatch(key):
        return EmailType.UNKNOWN
    local, _, domain = key.rpartition("@")
    if _is_role(local):
        return EmailType.SERVICE
    if domain in _FREE or _FREE_FAMILIES.fullmatch(domain):
        return EmailType.FREE
    return EmailType.CORPORATE


def is_gmail(email: str | None) -> bool:
    """Return whether `email` is an address of Google's free mail."""
    key = email_key(email)
    return key is not None and _ADDRESS.fullmatch(key) is not None and key.rpartition("@")[2] in _GMAIL


def _is_role(local: str) -> bool:
    """`local` is what stands before the @, in lower case. A "+tag" and a number at the end do not count."""
    local = local.partition("+")[0].rstrip("0123456789").rstrip("._-")
    first = re.split(r"[._-]", local, maxsplit=1)[0]
    return re.sub(r"[._-]", "", local) in _ROLES or first in _ROLE_BEGINNINGS or _NO_REPLY.fullmatch(local) is not None
