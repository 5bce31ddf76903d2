"""Powers, exponentials and logarithms of forms.

The rules, each valid wherever both sides have a value:
    (c m)^q    distributes over known positive factors, over all factors when q is whole
    S^q        for a sum S of several terms: its content is taken out, the primitive rest becomes a base
    exp(a + b) = exp(a) exp(b), exp(c m) = exp(m)^c, exp(c log u) = u^c
    log(p u)   = log(p) + log(u) for known positive p
    tanh(u) = 1 - 2 / (1 + exp(u)^2), sigmoid(u) = 1 - 1 / (1 + exp(u))
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import gcd, lcm

from eqgen.algebra.atoms import UNIT, Atom, Monomial, Rational, Terms, exact
from eqgen.algebra.budget import Budget, LimitReached, Undefined
from eqgen.algebra.normal_form import Core, Form

MAX_BITS = 20_000
"""No number may grow beyond this size."""
MAX_DEGREE = 1000


@cache
def _factors(value: int) -> tuple[tuple[int, int], ...]:
    """Prime factors with multiplicities; a large rest without small factors counts as prime."""
    found: list[tuple[int, int]] = []
    p = 2
    while p * p <= value and p < 20_000:
        count = 0
        while value % p == 0:
            value //= p
            count += 1
        if count:
            found.append((p, count))
        p += 1 if p == 2 else 2
    if value > 1:
        found.append((value, 1))
    return tuple(found)


def leading(algebra: Core, terms: Terms) -> Monomial:
    return max(terms, key=algebra.order)


class Powers(Core):
    """Powers and elementary functions."""

    def __init__(self, budget: Budget | None = None) -> None:
        super().__init__(budget)
        self._powers: dict[tuple[int, Rational], Form] = self.memo()
        self._exps: dict[int, Form] = self.memo()
        self._logs: dict[int, Form] = self.memo()

    # --- powers --------------------------------------------------------------------------------------

    def power(self, form: Form, exponent: Rational) -> Form:
        exponent = exact(exponent)
        if exponent == 1:
            return form
        if exponent == 0:
            return self.one
        if not form.terms:
            if exponent > 0:
                return self.zero_form
            raise Undefined("division by zero")
        key = (form.key, exponent)
        found = self._powers.get(key)
        if found is None:
            found = self._powers[key] = self._power(form, exponent)
        return found

    def _power(self, form: Form, exponent: Rational) -> Form:
        if len(form.terms) == 1:
            ((monomial, c),) = form.terms.items()
            return (
                self._whole_power(monomial, c, exponent) if type(exponent) is int else self._root(monomial, c, exponent)
            )
        if type(exponent) is int and exponent > 0:
            return self._expanded(form, exponent)
        return self.lift(form, lambda f: self._power_of_sum(f, exponent))

    def _expanded(self, form: Form, exponent: int) -> Form:
        if exponent > MAX_DEGREE:
            raise LimitReached(f"a power of degree {exponent} of a sum")
        result, square = self.one, form
        while exponent:
            if exponent & 1:
                result = self.multiply(result, square)
            exponent >>= 1
            if exponent:
                square = self.multiply(square, square)
        return result

    def _power_of_sum(self, form: Form, exponent: Rational) -> Form:
        if len(form.terms) <= 1:
            return self.power(form, exponent)
        content, primitive = self.content(form, type(exponent) is int, True)
        if len(primitive.terms) <= 1:
            return self.multiply(self.power(content, exponent), self.power(primitive, exponent))
        return self.multiply(self.power(content, exponent), self.power_of(self.base(primitive), exponent))

    def base(self, primitive: Form) -> int:
        serial = self.intern("base", forms=(primitive,))
        atom = self.atoms[serial]
        if atom.lead is None and all(e > 0 for m in primitive.terms for _, e in m):
            lead = leading(self, primitive.terms)
            if not any(
                self.atoms[s].kind in ("prime", "positive", "zero", "delta", "selection", "base") for s, _ in lead
            ):
                atom.lead = lead
        return serial

    def _whole_power(self, monomial: Monomial, c: Rational, exponent: int) -> Form:
        coefficient = number_power(c, exponent)
        factors: dict[int, Rational] = {}
        for serial, e in monomial:
            if exponent < 0 and self.atoms[serial].kind in ("positive", "zero", "delta", "selection"):
                continue  # Where it has a reciprocal, a condition is 1.
            factors[serial] = exact(e * exponent)
        return Form(self, self.reduce(factors)).scaled(coefficient)

    def _root(self, monomial: Monomial, c: Rational, exponent: Rational) -> Form:
        """A power that is not whole, of one term: it distributes over what is known positive."""
        result = self.one
        rest: list[tuple[int, Rational]] = []
        for serial, e in monomial:
            atom = self.atoms[serial]
            if atom.kind in ("positive", "zero", "delta", "selection") and exponent > 0:
                result = self.multiply(result, self.power_of(serial))
            elif atom.sign >= 1 or type(e) is Fraction:
                # What is not negative is positive where it is a divisor, and makes a root zero where it is zero.
                result = self.multiply(result, self.power_of(serial, exact(e * exponent)))
            elif type(e) is int and e % 2 == 0 and type(whole := exact(e * exponent)) is int:
                result = self.multiply(result, self.absolute_power(self.power_of(serial), whole))
            else:
                rest.append((serial, e))
        result = self.multiply(result, self.number_root(abs(Fraction(c)), exponent))
        if c < 0 and not rest:
            raise Undefined("a root of a negative number")
        if len(rest) == 1 and c > 0 and type(rest[0][1]) is int and rest[0][1] % 2:
            # An odd power that has a root is positive, and so is what it is a power of.
            return self.multiply(result, self.power_of(rest[0][0], exact(rest[0][1] * exponent)))
        if rest or c < 0:
            radicand = self.single(tuple(rest), 1 if c > 0 else -1)
            result = self.multiply(result, self.power_of(self.intern("base", forms=(radicand,)), exponent))
        return result

    def absolute_power(self, form: Form, exponent: int) -> Form:
        """|u|^n, as u^n for even n and u^n sign(u) for odd n."""
        power = self.power(form, exponent)
        if exponent % 2 == 0:
            return power
        return self.multiply(power, self.positive(form) - self.positive(-form))

    def number_root(self, value: Rational, exponent: Rational) -> Form:
        """A power of a positive number, as a rational times roots of primes."""
        fraction = Fraction(value)
        result = self.one
        for part, direction in ((fraction.numerator, 1), (fraction.denominator, -1)):
            for prime, count in _factors(part):
                power = exact(Fraction(exponent) * count * direction)
                if type(power) is int:
                    result = result.scaled(number_power(prime, power))
                else:
                    result = self.multiply(result, self.power_of(self.intern("prime", extra=prime), power))
        return result

    # --- contents ------------------------------------------------------------------------------------

    def content(self, form: Form, whole: bool, defined: bool = False) -> tuple[Form, Form]:
        """form = content * primitive, where the content is one term.

        The primitive form has whole coefficients without a common divisor and no factor common to all terms. Unless
        `whole`, only what is known positive is taken out; the content is then positive. With `defined` what cannot be
        negative is taken out too: where the form has a root, a logarithm or a reciprocal, that makes no difference.
        """
        pulled: dict[int, Rational] = {}
        for _ in range(6):
            common = self._common(form, whole, 1 if defined else 2) if len(form.terms) > 1 else UNIT
            if not common:
                break
            for s, e in common:
                pulled[s] = pulled.get(s, 0) + e
            form = self.multiply(form, Form(self, self.reduce({s: -e for s, e in common})))
        # Not multiplied out: the content must stay one term.
        content = self.single(tuple(sorted((s, exact(e)) for s, e in pulled.items() if e)))
        if not form.terms:
            return content, form
        divisor = gcd(*(c.numerator for c in form.terms.values()))
        multiple = lcm(*(c.denominator for c in form.terms.values()))
        scale = exact(Fraction(divisor, multiple))
        if whole and form.terms[leading(self, form.terms)] < 0:
            scale = -scale
        return content.scaled(scale), form.scaled(exact(1 / Fraction(scale)))

    def _common(self, form: Form, whole: bool, sign: int) -> Monomial:
        """The factor that all terms share; negative powers in any term count, so that denominators are common too."""
        low: dict[int, Rational] = {}
        count: dict[int, int] = {}
        for monomial in form.terms:
            for serial, e in monomial:
                low[serial] = min(low.get(serial, e), e)
                count[serial] = count.get(serial, 0) + 1
        common = []
        for serial, e in sorted(low.items()):
            atom = self.atoms[serial]
            if count[serial] < len(form.terms):
                e = min(e, 0)
            if (
                e
                and atom.kind not in ("prime", "positive", "zero", "delta", "selection")
                and (whole or atom.sign >= sign or type(e) is Fraction)
            ):
                common.append((serial, e))
        common.extend(f for f in leading(self, form.terms) if self.atoms[f[0]].kind == "prime")
        return tuple(sorted(common))

    def common_factor(self, form: Form, code: int) -> tuple[Form, Form]:
        """A positive factor of all terms that does not depend on an index, and the rest."""
        content, primitive = self.content(form, False)
        ((monomial, c),) = content.terms.items()
        kept = tuple(f for f in monomial if code not in self.atoms[f[0]].free)
        back = tuple(f for f in monomial if code in self.atoms[f[0]].free)
        return self.single(kept, c), self.multiply(self.single(back), primitive)

    # --- exponentials and logarithms -----------------------------------------------------------------

    def exp(self, form: Form) -> Form:
        if not form.terms:
            return self.one
        found = self._exps.get(form.key)
        if found is None:
            found = self._exps[form.key] = self.lift(form, self._exp)
        return found

    def _exp(self, form: Form) -> Form:
        result = self.one
        for monomial, c in sorted(form.terms.items()):
            atom = self.atoms[monomial[0][0]] if len(monomial) == 1 and monomial[0][1] == 1 else None
            if atom is not None and atom.kind == "function" and atom.name == "log":
                factor = self.power(atom.forms[0], c)
            else:
                factor = self.power_of(self.intern("function", "exp", forms=(self.single(monomial),)), c)
            result = self.multiply(result, factor)
        return result

    def log(self, form: Form) -> Form:
        if not form.terms:
            raise Undefined("the logarithm of zero")
        found = self._logs.get(form.key)
        if found is None:
            found = self._logs[form.key] = self.lift(form, self._log)
        return found

    def _log(self, form: Form) -> Form:
        if not form.terms:
            raise Undefined("the logarithm of zero")
        if len(form.terms) > 1:
            content, primitive = self.content(form, False, True)
            if len(primitive.terms) > 1:
                return self.log(content) + self._log_atom(primitive)
            return self.log(content) + self.log(primitive)
        ((monomial, c),) = form.terms.items()
        result = self.zero_form
        rest: list[tuple[int, Rational]] = []
        for serial, e in monomial:
            if self.atoms[serial].sign >= 1 or type(e) is Fraction:
                result = result + self._log_of(self.atoms[serial]).scaled(e)
            else:
                rest.append((serial, e))
        fraction = abs(Fraction(c))
        for part, direction in ((fraction.numerator, 1), (fraction.denominator, -1)):
            for prime, count in _factors(part):
                result = result + self._log_atom(self.number(prime)).scaled(count * direction)
        if not rest:
            if c < 0:
                raise Undefined("the logarithm of a negative number")
            return result
        if len(rest) == 1 and c > 0 and type(rest[0][1]) is int and rest[0][1] % 2:
            return result + self._log_of(self.atoms[rest[0][0]]).scaled(rest[0][1])
        return result + self._log_atom(self.single(tuple(rest), 1 if c > 0 else -1))

    def _log_of(self, atom: Atom) -> Form:
        """The logarithm of an atom that is positive."""
        if atom.kind == "function" and atom.name == "exp":
            return atom.forms[0]
        if atom.kind == "prime":
            return self._log_atom(self.number(atom.extra))
        return self._log_atom(atom.forms[0] if atom.kind == "base" else self.single(((atom.serial, 1),)))

    def _log_atom(self, form: Form) -> Form:
        if form.constant() == 1:
            return self.zero_form
        return self.power_of(self.intern("function", "log", forms=(form,)))

    # --- other functions -----------------------------------------------------------------------------

    def function(self, name: str, *arguments: Form) -> Form:
        """A named function of forms; names that the rules do not know stay opaque."""
        if name == "pi":
            return self.power_of(self.intern("constant", "pi"))
        x = arguments[0]
        match name:
            case "exp":
                return self.exp(x)
            case "log":
                return self.log(x)
            case "sigmoid":
                return self.one - self.power(self.one + self.exp(x), -1)
            case "tanh":
                return self.one - self.power(self.one + self.exp(x.scaled(2)), -1).scaled(2)
            case "abs":
                return self.multiply(x, self.positive(x) - self.positive(-x))
            case "sign":
                return self.positive(x) - self.positive(-x)
            case "erf":
                return self.lift(x, self._erf)
        return self.lift(x, lambda f: self.power_of(self.intern("function", name, forms=(f,))))

    def _erf(self, x: Form) -> Form:
        """erf is odd."""
        if not x.terms:
            return self.zero_form
        if x.terms[leading(self, x.terms)] < 0:
            return -self._erf(-x)
        return self.power_of(self.intern("function", "erf", forms=(x,)))


def number_power(value: Rational, exponent: int) -> Rational:
    """A whole power of a number, as long as it stays of a reasonable size."""
    bits = max(abs(value.numerator).bit_length(), value.denominator.bit_length())
    if bits > 1 and bits * abs(exponent) > MAX_BITS:
        raise LimitReached("a number with too many digits")
    return exact(Fraction(value) ** exponent)
