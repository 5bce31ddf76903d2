// Functions of one entry, on float and double. All are free of branches and of calls, so that a loop over them becomes
// vector instructions; the standard library's versions are calls and cost four to twenty times as much.
//
// Error bounds, in units in the last place: exp, log 1; expm1, log1p 2; sigmoid, softplus, log_sigmoid, tanh, erf 3;
// erfc 5.
// NaN stays NaN everywhere, and no function overflows where its value is finite.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#define EQGEN_INLINE [[gnu::always_inline]] inline

namespace eqgen {

// An argument that takes no part in deducing Scalar, so that `max(x, 0)` compiles.
template <class Scalar>
struct NotDeduced {
    using Type = Scalar;
};
template <class Scalar>
using As = typename NotDeduced<Scalar>::Type;

// The layout of a floating-point format, and how many terms of a series fill its mantissa.
//
// erfcx: coefficients of the polynomial in 1/(x + 3) that is next to (1 + x) exp(x^2) erfc(x) for x from 1 to where
// erfc(x) rounds to 0 (a fit of our own with 60 digits; its relative error is 8e-9 and 6e-17).
template <class Scalar>
struct Format;

template <>
struct Format<float> {
    using Bits = std::int32_t;
    static constexpr int mantissa = 23, bias = 127;
    static constexpr float ln2_high = 0x1.62e4p-1F, ln2_low = 0x1.7f7d1cp-20F;  // the product n * ln2_high is exact
    static constexpr float exp_smallest = -104.0F, exp_largest = 89.0F;         // beyond: 0 and infinity
    static constexpr float tanh_one = 10.0F;                                    // tanh rounds to 1 from here on
    static constexpr int exp_terms = 7, log_terms = 5, artanh_terms = 7, erf_terms = 10;  // last terms of series
    static constexpr float erfc_zero = 11.0F;  // erfc rounds to 0 from here on
    static constexpr double erfcx[] = {0.564288556728603,   0.5576433535100707, 1.5967477928951894,
                                       0.12011766199489735, 34.952382551302044, -178.2740939976474,
                                       695.9776442316564,   -1573.666144880863, 884.0655453076107};
};

template <>
struct Format<double> {
    using Bits = std::int64_t;
    static constexpr int mantissa = 52, bias = 1023;
    static constexpr double ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
    static constexpr double exp_smallest = -746.0, exp_largest = 710.0;
    static constexpr double tanh_one = 20.0;
    static constexpr int exp_terms = 13, log_terms = 11, artanh_terms = 16, erf_terms = 17;
    static constexpr double erfc_zero = 28.0;
    static constexpr double erfcx[] = {
        0.5641895835384096,  0.5641895854005852,  1.4104737932116582,  3.1030515356446533,  5.500537261460962,
        5.508432240827296,   -10.071786150881586, -75.82887904002257,  -270.53937270389196, -690.8502764908741,
        1344.9100299677532,  -24968.43847694868,  207230.55558955992,  -1107933.2671498654, 4543113.13826942,
        -12728732.763301367, 22187542.350672387,  -21777773.667985868, 9275891.413918383};
};

template <class Scalar>
using Bits = typename Format<Scalar>::Bits;

template <class To, class From>
EQGEN_INLINE To reinterpret(From x) {
    static_assert(sizeof(To) == sizeof(From));
    To y;
    std::memcpy(&y, &x, sizeof y);
    return y;
}

// --- choices, comparisons, arithmetic ------------------------------------------------------------------------------

// Both branches are computed: neither may be undefined where the other is chosen. A mask instead of `?:`, which
// compilers turn into jumps when conditions are related, and then cannot make vector instructions of the loop.
template <class Scalar>
EQGEN_INLINE Scalar where(bool condition, Scalar yes, As<Scalar> no) {
    const Bits<Scalar> mask = -Bits<Scalar>(condition);
    return reinterpret<Scalar>((reinterpret<Bits<Scalar>>(yes) & mask) | (reinterpret<Bits<Scalar>>(no) & ~mask));
}

// The larger of two, NaN if either is: NumPy's maximum.
template <class Scalar>
EQGEN_INLINE Scalar max(Scalar x, As<Scalar> y) {
    return where((x >= y) | (x != x), x, y);
}

// The smaller of two, NaN if either is: NumPy's minimum.
template <class Scalar>
EQGEN_INLINE Scalar min(Scalar x, As<Scalar> y) {
    return where((x <= y) | (x != x), x, y);
}

template <class Scalar>
EQGEN_INLINE Scalar abs(Scalar x) {
    return std::fabs(x);
}

template <class Scalar>
EQGEN_INLINE Scalar sign(Scalar x) {
    return where(x != x, x, Scalar(x > 0) - Scalar(x < 0));
}

template <class Scalar>
EQGEN_INLINE Scalar floor(Scalar x) {
    return std::floor(x);
}

template <class Scalar>
EQGEN_INLINE Scalar square(Scalar x) {
    return x * x;
}

template <class Scalar>
EQGEN_INLINE Scalar reciprocal(Scalar x) {
    return 1 / x;
}

template <class Scalar>
EQGEN_INLINE Scalar sqrt(Scalar x) {
    return std::sqrt(x);
}

template <class Scalar>
EQGEN_INLINE Scalar inv_sqrt(Scalar x) {
    return 1 / std::sqrt(x);
}

template <class Scalar>
inline constexpr Scalar pi = Scalar(3.14159265358979323846264338327950288L);

// x^(numerator / denominator) for constants. Integers by repeated squaring; NaN for a negative base of a fraction.
template <int numerator, int denominator = 1, class Scalar>
EQGEN_INLINE Scalar power(Scalar x) {
    static_assert(denominator > 0);
    if constexpr (denominator == 2) {
        return power<numerator>(std::sqrt(x));
    } else if constexpr (denominator != 1 || numerator > 64 || numerator < -64) {
        return std::pow(x, Scalar(numerator) / Scalar(denominator));
    } else if constexpr (numerator < 0) {
        return 1 / power<-numerator>(x);
    } else if constexpr (numerator == 0) {
        return Scalar(1);
    } else if constexpr (numerator % 2 == 1) {
        return x * power<numerator - 1>(x);
    } else {
        return power<numerator / 2>(x * x);
    }
}

template <class Scalar>
EQGEN_INLINE Scalar power(Scalar x, As<Scalar> exponent) {
    return std::pow(x, exponent);
}

// --- exponential functions -----------------------------------------------------------------------------------------

// Adding it rounds to an integer, which then stands in the lowest bits.
template <class Scalar>
inline constexpr Scalar rounding_shift = Scalar(Bits<Scalar>(3) << (Format<Scalar>::mantissa - 1));

// 2^n for n in the normal range.
template <class Scalar>
EQGEN_INLINE Scalar power_of_two(Bits<Scalar> n) {
    return reinterpret<Scalar>(Bits<Scalar>((n + Format<Scalar>::bias) << Format<Scalar>::mantissa));
}

// coefficient(first) + coefficient(first + 1) z + ... up to the last, by Horner's rule without a loop.
template <auto coefficient, int first, int last, class Scalar>
EQGEN_INLINE Scalar series(Scalar z) {
    constexpr Scalar c = Scalar(coefficient(first));
    if constexpr (first == last) {
        return c;
    } else {
        return c + z * series<coefficient, first + 1, last>(z);
    }
}

constexpr double reciprocal_factorial(int k) { return k < 2 ? 1.0 : reciprocal_factorial(k - 1) / k; }
constexpr double reciprocal_odd(int k) { return 1.0 / (2 * k + 1); }

// exp(x) = 2^n (1 + fraction), with 2^n as two factors: it may be denormal or overflow where they do not. For NaN the
// fraction is NaN.
template <class Scalar>
struct SplitExponential {
    Scalar fraction, first, second;
};

template <class Scalar>
EQGEN_INLINE SplitExponential<Scalar> split_exponential(Scalar x) {
    using F = Format<Scalar>;
    constexpr Scalar shift = rounding_shift<Scalar>;
    const Scalar low = x < F::exp_smallest ? F::exp_smallest : x;
    const Scalar clamped = low > F::exp_largest ? F::exp_largest : low;
    const Scalar shifted = clamped * Scalar(1.44269504088896340736) + shift;
    const Scalar rounded = shifted - shift;
    const Scalar r = (clamped - rounded * F::ln2_high) - rounded * F::ln2_low;
    const Bits<Scalar> n = reinterpret<Bits<Scalar>>(shifted) - reinterpret<Bits<Scalar>>(shift);
    const Bits<Scalar> half = n >> 1;
    return {r + r * r * series<reciprocal_factorial, 2, F::exp_terms>(r), power_of_two<Scalar>(half),
            power_of_two<Scalar>(n - half)};
}

template <class Scalar>
EQGEN_INLINE Scalar exp(Scalar x) {
    const auto e = split_exponential(x);
    return (1 + e.fraction) * e.first * e.second;
}

// expm1, except that expm1(-0) = +0
template <class Scalar>
EQGEN_INLINE Scalar expm1_unsigned(Scalar x) {
    const auto e = split_exponential(x);
    const Scalar half = Scalar(0.5) * e.first * e.second;  // 2^n itself may overflow where the result does not
    return 2 * (e.fraction * half + (half - Scalar(0.5)));
}

template <class Scalar>
EQGEN_INLINE Scalar expm1(Scalar x) {
    return where(x == 0, x, expm1_unsigned(x));
}

template <class Scalar>
EQGEN_INLINE Scalar tanh(Scalar x) {
    const Scalar size = std::fabs(x);
    const Scalar m = expm1_unsigned(2 * where(size > Format<Scalar>::tanh_one, Format<Scalar>::tanh_one, size));
    return std::copysign(m / (m + 2), x);
}

template <class Scalar>
EQGEN_INLINE Scalar sigmoid(Scalar x) {
    const Scalar e = exp(-std::fabs(x));
    return where(x < 0, e, Scalar(1)) / (1 + e);
}

// --- logarithms ----------------------------------------------------------------------------------------------------

// log(x) = n log(2) + log(1 + f) with 1 + f between sqrt(1/2) and sqrt(2), log(1 + f) = 2 artanh(f / (2 + f)).
template <class Scalar>
EQGEN_INLINE Scalar log(Scalar x) {
    using F = Format<Scalar>;
    constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();
    constexpr int lift = F::mantissa + 2;  // makes a denormal normal
    const bool denormal = x < std::numeric_limits<Scalar>::min();
    const Bits<Scalar> bits = reinterpret<Bits<Scalar>>(where(denormal, x * power_of_two<Scalar>(lift), x));
    const Bits<Scalar> n = (bits - reinterpret<Bits<Scalar>>(Scalar(0.70710678118654752440))) >> F::mantissa;
    const Scalar f = reinterpret<Scalar>(Bits<Scalar>(bits - n * (Bits<Scalar>(1) << F::mantissa))) - 1;
    const Scalar exponent = reinterpret<Scalar>(Bits<Scalar>(reinterpret<Bits<Scalar>>(rounding_shift<Scalar>) + n)) -
                            rounding_shift<Scalar> - where(denormal, Scalar(lift), 0);
    const Scalar s = f / (2 + f);
    const Scalar z = s * s;
    const Scalar tail = 2 * z * series<reciprocal_odd, 1, F::log_terms>(z);
    const Scalar h = Scalar(0.5) * f * f;
    const Scalar regular = exponent * F::ln2_high - ((h - (s * (h + tail) + exponent * F::ln2_low)) - f);
    const Scalar special = where(x == 0, -infinity, where(x < 0, std::numeric_limits<Scalar>::quiet_NaN(), x));
    return where((x > 0) & (x < infinity), regular, special);
}

template <class Scalar>
EQGEN_INLINE Scalar log1p(Scalar x) {
    const Scalar u = 1 + x;
    const Scalar rounding = (x - (u - 1)) / u;  // what 1 + x lost
    const bool finite = (u > 0) & (u < std::numeric_limits<Scalar>::infinity());
    return where(x == 0, x, log(u) + where(finite, rounding, 0));
}

// log(1 + e^-|x|), where the exponential lies between 0 and 1: the series of artanh alone, without a special case.
template <class Scalar>
EQGEN_INLINE Scalar log1p_exp_negative(Scalar x) {
    const Scalar e = exp(-std::fabs(x));
    const Scalar s = e / (2 + e);
    const Scalar z = s * s;
    return 2 * (s + s * (z * series<reciprocal_odd, 1, Format<Scalar>::artanh_terms>(z)));
}

// log(1 + e^x)
template <class Scalar>
EQGEN_INLINE Scalar softplus(Scalar x) {
    return max(x, 0) + log1p_exp_negative(x);
}

// log(sigmoid(x))
template <class Scalar>
EQGEN_INLINE Scalar log_sigmoid(Scalar x) {
    return min(x, 0) - log1p_exp_negative(x);
}

// --- error function ------------------------------------------------------------------------------------------------

constexpr double erf_coefficient(int k) {  // of x^(2k + 1) in erf(x) - x: 2/sqrt(pi) (-1)^k / (k! (2k + 1))
    if (k == 0) return 0.12837916709551257390;
    return (k % 2 == 0 ? 1.12837916709551257390 : -1.12837916709551257390) * reciprocal_factorial(k) *
           reciprocal_odd(k);
}

template <class Scalar>
constexpr double erfcx_coefficient(int k) {
    return Format<Scalar>::erfcx[k];
}

// erf(x) - x for |x| < 1: both 1 - x and what is left to subtract for erfc(x) have the digits that the result has.
template <class Scalar>
EQGEN_INLINE Scalar erf_excess(Scalar x) {
    return x * series<erf_coefficient, 0, Format<Scalar>::erf_terms>(x * x);
}

// 1 - erf(x) for x from 1 on. A rounded x^2 would cost x^2 units: the square of the leading half of x's digits, h, is
// exact, and exp(-x^2) = exp(-h^2) exp((h - x) (h + x)), where the last exponent is small.
template <class Scalar>
EQGEN_INLINE Scalar erfc_outer(Scalar x) {
    using F = Format<Scalar>;
    constexpr int last = sizeof F::erfcx / sizeof(double) - 1;
    constexpr Bits<Scalar> leading = -(Bits<Scalar>(1) << ((F::mantissa + 2) / 2));
    const Scalar size = where(x > F::erfc_zero, F::erfc_zero, x);
    const Scalar h = reinterpret<Scalar>(Bits<Scalar>(reinterpret<Bits<Scalar>>(size) & leading));
    const Scalar rest = series<reciprocal_factorial, 0, 5>((h - size) * (h + size));
    const Scalar r = 1 / ((size + 1) * (size + 3));
    return r * (size + 3) * series<erfcx_coefficient<Scalar>, 0, last>(r * (size + 1)) * rest * exp(-h * h);
}

template <class Scalar>
EQGEN_INLINE Scalar erf(Scalar x) {
    const Scalar size = std::fabs(x);
    return where(size < 1, x + erf_excess(x), std::copysign(1 - erfc_outer(size), x));
}

template <class Scalar>
EQGEN_INLINE Scalar erfc(Scalar x) {
    const Scalar size = std::fabs(x);
    const Scalar outer = erfc_outer(size);
    return where(size < 1, (1 - x) - erf_excess(x), where(x < 0, 2 - outer, outer));
}

}  // namespace eqgen
